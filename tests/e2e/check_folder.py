"""The folder that configuration files stand in for tests: keys, lists of clients, records."""

import peer

PUBLIC = peer.public_key(bytes([1] * 32))


def make_folder(folder):
    """`server`, `other` and `used` are of suite 1; `server-f002` is the server's key in suite
    0xF002; `used` has answered as another handler, of `damaged` nobody knows any more."""
    keys = {"server": bytes([1] * 32), "other": bytes([2] * 32), "used": bytes([3] * 32),
            "damaged": bytes([4] * 32)}
    texts = {name: private.hex() for name, private in keys.items()}
    texts |= {"f002": "f002:" + "05" * 32, "server-f002": "f002:" + "01" * 32, "open": "06" * 32,
              "short": "07" * 31, "words": "xy" * 32}
    for name, text in texts.items():
        path = folder / f"{name}.key"
        path.write_text(text + "\n")
        path.chmod(0o600)
    (folder / "open.key").chmod(0o644)
    (folder / "folder").mkdir()
    (folder / "clients").write_text(f"{PUBLIC.hex()}\n")
    (folder / "bad-clients").write_text(f"# Ours.\n{PUBLIC.hex()}\n12\n{PUBLIC.hex()}\n")
    used = peer.public_key(keys["used"]).hex()
    (folder / "used.key.replies").write_text(
        f"{used} {'0' * 64} ack, version 1, replies to 3 bytes\n")
    (folder / "damaged.key.replies").write_text("# The reply\nnonsense\n")
    return folder
