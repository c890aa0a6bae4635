"""The house in force, kept at hand: read again only when another version has been applied."""

from __future__ import annotations

import logging
import secrets as random
import threading
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from zoneinfo import ZoneInfo

from pydantic import SecretStr, ValidationError
from sqlalchemy import Connection

from adapters.sources.base import Source
from adapters.targets.registry import configurable
from db.queries import configuration as stored
from db.session import Database
from opv.house import House, build_house
from porteiro.configuration.apply import in_force
from porteiro.configuration.channels import secret_fields
from porteiro.configuration.secrets import fill, names_in
from schemas.config import Channel, Configuration, Notices, Target
from schemas.errors import Retry
from schemas.source import Entrance
from schemas.target import ConfiguredTarget

log = logging.getLogger("porteiro.configuration")


class Houses:
    """Gives each unit of work the house of the newest version. May be called from several threads."""

    def __init__(self, sources: Mapping[str, Source], secrets: Mapping[str, str]) -> None:
        self._sources = sources
        self._secrets = secrets
        self._house: House | None = None
        self._by_key: Mapping[str, Entrance] = MappingProxyType({})
        self._loading = threading.Lock()
        self._warned: set[str] = set()

    def current(self, tx: Connection) -> House:
        """The house as read in this unit of work: one small statement while nothing was applied.

        Raises `Retry` (`no_configuration`) when nothing was ever applied."""
        number = stored.newest_number(tx)
        house = self._house
        if house is not None and house.version == number:
            return house
        with self._loading:
            if self._house is None or self._house.version != number:
                self._take(self._load(tx, number))
            loaded = self._house
        if loaded is None:
            raise Retry("no_configuration", "no configuration is in force yet: run `porteiro apply porteiro.yaml`")
        return loaded

    def entrances(self) -> Mapping[str, Entrance]:
        """Entrances of the house last read, by the channel's key; none before the first. Never asks the database."""
        return self._by_key

    def refresh(self, database: Database) -> None:
        """Reads the newest house, if there is one."""
        with database.read() as tx:
            if stored.newest_number(tx):
                self.current(tx)

    def _take(self, house: House | None) -> None:
        self._house = house
        self._by_key = MappingProxyType({} if house is None else dict(house.entrance_by_key))

    def _load(self, tx: Connection, number: int) -> House | None:
        configuration = in_force(tx, number)
        if configuration is None:
            return None
        entrances = self._entrances(configuration, stored.channels(tx))
        by_number = {entrance.id: entrance for entrance in entrances}
        address, secret = self._links(configuration.notices)
        targets = {one.key: self._target(one) for one in configuration.targets}
        return build_house(
            number, configuration, by_number, targets,
            link_address=address, link_secret=secret, activated=stored.activated(tx),
        )  # fmt: skip

    def _links(self, notices: Notices) -> tuple[str | None, str | None]:
        """Where links lead and what signs them; neither while a variable is not set."""
        unset = [name for name in names_in([notices.address, notices.secret]) if not self._secrets.get(name)]
        for name in unset:
            self._warn(f"notices: {name} is not set; they go out without links")
        if unset or notices.address is None or notices.secret is None:
            return None, None
        address, secret = fill([notices.address, notices.secret], lambda name: self._secrets[name])
        return address.rstrip("/"), secret

    def _target(self, target: Target) -> ConfiguredTarget:
        """The target with its secrets; without options while a variable is not set, or they are not its own."""
        unset: set[str] = set()

        def lookup(name: str) -> str:
            value = self._secrets.get(name, "")
            if not value:
                unset.add(name)
            return value

        options, known = fill(target.options, lookup), configurable().get(target.target)
        read = None
        for name in sorted(unset):
            self._warn(f"target {target.key}: {name} is not set; what goes there waits")
        if known is None:
            self._warn(f"target {target.key}: there is no target {target.target}; what goes there waits")
        elif not unset:
            try:
                read = known.options_model.model_validate(options)
            except ValidationError as error:
                wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
                self._warn(f"target {target.key}: its options are not those of {target.target} ({wrong})")
        return ConfiguredTarget(target.key, target.target, read)

    def _entrances(self, configuration: Configuration, rows: Iterable[stored.StoredChannel]) -> Iterable[Entrance]:
        zone = ZoneInfo(configuration.company.timezone)
        active = {channel.key: channel for channel in configuration.channels}
        for row in rows:
            channel = active.get(row.key)
            if channel is None and row.retired_at is None:
                continue  # of a version that was applied a moment ago; the next unit of work sees both
            retired = channel is None
            channel = channel or Channel.model_validate_json(row.document)
            source = self._sources.get(channel.source)
            if source is None:
                self._warn(f"channel {channel.key}: there is no source {channel.source}; it is left out")
                continue
            yield self._entrance(row.id, channel, source, zone, retired)

    def _entrance(self, number: int, channel: Channel, source: Source, zone: ZoneInfo, retired: bool) -> Entrance:
        unset: set[str] = set()

        def lookup(name: str) -> str:
            value = self._secrets.get(name, "")
            if not value:
                unset.add(name)
            return value

        def unguessable(name: str) -> str:
            # An option may be a secret that somebody presents: an empty one, or the name, could be guessed.
            return lookup(name) or random.token_urlsafe(24)

        secrets = tuple(filter(None, (fill(secret, lookup) for secret in channel.secrets)))
        options = fill(channel.options, unguessable)
        try:
            read = source.options_model.model_validate(options)
        except ValidationError as error:
            wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors(include_input=False))
            self._warn(f"channel {channel.key}: its options are not those of {source.slug} ({wrong}); it refuses all")
            hidden = {name: SecretStr(str(options.get(name, ""))) for name in secret_fields(source.options_model)}
            secrets, read = (), source.options_model.model_construct(**{**options, **hidden})
        for name in sorted(unset):
            self._warn(f"channel {channel.key}: {name} is not set; what needs it is refused")
        return Entrance(
            key=channel.key,
            id=number,
            source=source,
            secrets=secrets,
            options=read,
            timezone=zone,
            mapping=dict(channel.mapping),
            defaults={str(name): value for name, value in channel.defaults.items()},
            retired=retired,
            forward_to=fill(channel.forward_to, lookup) if channel.forward_to else None,
        )

    def _warn(self, message: str) -> None:
        if message not in self._warned:
            self._warned.add(message)
            log.warning(message)
