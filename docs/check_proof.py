"""python3 check_proof.py PROOF.json [CHECKPOINTS] - the second file: the checkpoints as the house published them."""

import hashlib
import json
import sys


def digest(*parts: bytes | str) -> bytes:
    return hashlib.sha256(b"".join(one if isinstance(one, bytes) else one.encode() for one in parts)).digest()


texts = [open(name, encoding="utf-8").read() for name in sys.argv[1:]]  # noqa: SIM115 - it ends at once
proof = json.loads(texts[0])
opv, entries, sealed, point, claims = proof["opv"], proof["entries"], proof["sealed"], proof["checkpoint"], {}
heads = [digest(bytes.fromhex(opv))]
for n, e in enumerate(entries, 1):
    text = [opv, e["seq"], e["at"], e["kind"], e["actor"], e["data"], e["content_hash"] or ""]
    heads.append(digest(heads[-1], "\n".join(map(str, text))))
    kept, salt = e["content"], e["salt"]
    content = kept is salt is None or digest(bytes.fromhex(salt), kept).hex() == e["content_hash"]
    claims[f"entry {n}, or its content, was changed"] = content and (n, heads[n].hex()) == (e["seq"], e["hash"])
node = digest(b"\0", f"{opv}\n{sealed}\n{heads[sealed].hex()}")
for side, other in proof["path"]:
    node = digest(b"\1", *{"left": (bytes.fromhex(other), node), "right": (node, bytes.fromhex(other))}[side])
line = [str(point[name]) for name in ("number", "at", "opvs", "root", "hash")]
claims["the checkpoint does not hold this history"] = node.hex() == line[3]
claims["the checkpoint was changed"] = digest(bytes.fromhex(point["previous"]), "\n".join(line[:4])).hex() == line[4]
claims["the checkpoint is not a published one"] = not texts[1:] or " ".join(line) in texts[1].splitlines()
wrong = "; ".join(what for what, holds in claims.items() if not holds)
sys.exit(f"NOT PROVED: {wrong}" if wrong else print(f"PROVED: entries 1 to {sealed} of {len(entries)} by", *line))
