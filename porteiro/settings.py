"""Settings from the environment (12-factor) and secrets from the environment or `$PORTEIRO_VAR/env`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from dotenv import dotenv_values
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """One field an environment variable; built once by an entry point and passed on."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    database_url: str = Field("", validation_alias="DATABASE_URL")
    broker_url: str = Field("", validation_alias="BROKER_URL")
    port: int = Field(8000, validation_alias="PORT", ge=1, le=65535)
    host: str = Field("127.0.0.1", validation_alias="PORTEIRO_HOST")
    config: Path = Field(Path("porteiro.yaml"), validation_alias="PORTEIRO_CONFIG")
    var: Path = Field(Path("var"), validation_alias="PORTEIRO_VAR")
    name: str = Field("porteiro", validation_alias="PORTEIRO_NAME", pattern=r"^[A-Za-z0-9_.-]{1,40}$")
    concurrency: int = Field(2, validation_alias="PORTEIRO_CONCURRENCY", ge=1, le=64)
    prepare_threshold: int = Field(5, validation_alias="PORTEIRO_PREPARE_THRESHOLD", ge=-1)
    """psycopg's; `0` prepares at once, `-1` (PgBouncer in transaction mode) never."""
    lease_seconds: float = Field(60, validation_alias="PORTEIRO_LEASE_SECONDS", ge=1, le=3600)
    """After so long the rows that a dead worker held come due again; twice that where the outside is asked."""
    access_log: bool = Field(False, validation_alias="PORTEIRO_ACCESS_LOG")

    @property
    def database(self) -> str:
        """Database URL, the embedded SQLite file by default."""
        return self.database_url or f"sqlite:///{self.var / 'porteiro.db'}"

    @property
    def prepare_after(self) -> int | None:
        """psycopg's `prepare_threshold`; None: never."""
        return None if self.prepare_threshold < 0 else self.prepare_threshold

    @property
    def broker(self) -> str:
        """Message broker URL, kombu's filesystem transport by default."""
        return self.broker_url or "filesystem://localhost//"

    @property
    def base_url(self) -> str:
        """Where this machine reaches the web process."""
        host = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"


def secrets(settings: Settings) -> Mapping[str, str]:
    """Values for `${NAME}`: the environment's, else those of `$PORTEIRO_VAR/env`. Never stored, never printed."""
    found = {k: v for k, v in dotenv_values(settings.var / "env").items() if v is not None}
    return {**found, **os.environ}
