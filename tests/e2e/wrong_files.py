# long file: a table
"""Configuration files that are wrong, and all that `pssst check` says of each, as
LINE:COLUMN: WHAT: REMEDY. The files stand in check_folder's folder."""

SERVICE = """[[service]]
udp_port = 7700
handler = "echo"
keys = ["server.key"]
"""
DPDK = """[port]
kind = "dpdk"
[dpdk]
vdevs = ["net_tap0"]
addresses = ["10.0.0.1"]
"""

WRONG_FILES = {
    "nothing": (
        "",
        ["1:1: there is no service: write a section [[service]] with udp_port, handler and "
         "keys"]),
    "not TOML: a value without quotes": (
        '[server]\nidle = spin\n',
        ["2:8: not TOML: value: could not determine value type: write text in quotes"]),
    "not TOML: a bracket left open": (
        '[socket]\naddresses = ["127.0.0.1"\n' + SERVICE,
        ["3:1: not TOML: array: expected comma or closing ']', saw '[': see pssstd.toml(5) "
         "for the form"]),
    "not TOML: a key without value": (
        '[server]\nidle =\n' + SERVICE,
        ["2:7: not TOML: key-value pair: expected value, saw '\\n': write the value behind "
         "the ="]),
    "not TOML: no equals sign": (
        '[server]\nidle "spin"\n' + SERVICE,
        ["2:6: not TOML: key-value pair: expected '=', saw '\"': write NAME = VALUE"]),
    "not TOML: the same key twice": (
        '[server]\nidle = "spin"\nidle = "sleep"\n' + SERVICE,
        ["3:8: not TOML: key-value pair: cannot redefine existing string 'idle': a name "
         "stands once: take one of the two away"]),
    "not TOML: the same section twice": (
        '[log]\n[log]\n' + SERVICE,
        ["2:1: not TOML: table header: cannot redefine existing table 'log': a name stands "
         "once: take one of the two away"]),
    "not TOML: a mode without quotes": (
        '[control]\nsocket = "c"\nmode = 0660\n' + SERVICE,
        ["3:12: not TOML: decimal integer: leading zeroes are prohibited: write what begins "
         "with 0 in quotes, as text"]),
    "an unknown section": (
        '[sever]\n' + SERVICE,
        ["1:2: there is no section [sever]: did you mean [server]?"]),
    "an unknown section like no other": (
        '[colours]\n' + SERVICE,
        ["1:2: there is no section [colours]: there are [clients], [control], [dpdk], "
         "[drain], [identity], [log], [metrics], [port], [privileges], [protection], "
         "[server], [[service]], [socket]"]),
    "a misspelt key": (
        SERVICE + 'adresses = ["::1"]\n',
        ['5:1: [[service]] has no key "adresses": did you mean "addresses"?']),
    "a key like no other": (
        '[metrics]\ncolour = 1\n' + SERVICE,
        ['2:1: [metrics] has no key "colour": there is "listen"']),
    "a key in the wrong section": (
        '[server]\nhugepages = true\n' + SERVICE,
        ['2:1: [server] has no key "hugepages": it belongs to [dpdk]']),
    "a key before any section": (
        'idle = "spin"\n' + SERVICE,
        ['1:1: "idle" stands in no section: it belongs to [server]']),
    "a section written as one of several": (
        '[[server]]\nidle = "spin"\n' + SERVICE,
        ["1:3: [[server]] stands there as one of several: write [server] on a line, and its "
         "keys below"]),
    "a section written as a value": (
        'server = "spin"\n' + SERVICE,
        ['1:1: "server" is a string: write [server] on a line, and its keys below']),
    "a service with one pair of brackets": (
        SERVICE.replace("[[service]]", "[service]"),
        ["1:2: [service] stands there as if there were one only: write [[service]], once "
         "for each"]),
    "a list of services that are none": (
        'service = [1]\n',
        ["1:1: [service] stands there as if there were one only: write [[service]], once "
         "for each"]),
    "lcores backwards": (
        '[server]\nlcores = "3-1"\n' + SERVICE,
        ['2:10: [server] lcores is "3-1": a range of CPUs that runs backwards: write CPU '
         "numbers like 0,2-3"]),
    "lcores with one CPU twice": (
        '[server]\nlcores = [1, 2, 1]\n' + SERVICE,
        ['2:10: [server] lcores is "1,2,1": CPU 1 stands twice: write CPU numbers like '
         "0,2-3"]),
    "lcores as a number": (
        '[server]\nlcores = 2\n' + SERVICE,
        ['2:10: [server] lcores is an integer: write CPU numbers like "0,2-3"']),
    "an unknown idle mode": (
        '[server]\nidle = "nap"\n' + SERVICE,
        ['2:8: [server] idle is "nap": choose "spin" or "sleep"']),
    "idle as true": (
        '[server]\nidle = true\n' + SERVICE,
        ['2:8: [server] idle is true: write "spin" or "sleep"']),
    "an unknown X25519 kernel": (
        '[server]\nx25519_kernel = "abacus"\n' + SERVICE,
        ['2:17: [server] x25519_kernel is "abacus": choose avx512ifma, avx2_mulx, avx2, '
         "avx2_readable, mulx, avx512ifma_model, portable, or leave it out"]),
    "too much memory for proofs": (
        '[server]\nproof_table_memory_mb = 2000000\n' + SERVICE,
        ["2:25: [server] proof_table_memory_mb is 2000000: choose 0 to 1048576"]),
    "memory as text": (
        '[server]\nproof_table_memory_mb = "256"\n' + SERVICE,
        ["2:25: [server] proof_table_memory_mb is a string: write a whole number, 0 to "
         "1048576"]),
    "an unknown form of counters": (
        '[server]\ncounters = "xml"\n' + SERVICE,
        ['2:12: [server] counters is "xml": choose "text" or "json"']),
    "a state directory that is a list": (
        '[server]\nstate_directory = []\n' + SERVICE,
        ["2:19: [server] state_directory is a list: write text in quotes"]),
    "an unknown kind of port": (
        '[port]\nkind = "serial"\n' + SERVICE,
        ['2:8: [port] kind is "serial": choose "socket" or "dpdk"']),
    "a host name to listen at": (
        '[socket]\naddresses = ["localhost"]\n' + SERVICE,
        ['2:14: [socket] addresses has "localhost": write a numeric IPv4 or IPv6 address']),
    "one address in two spellings": (
        '[socket]\naddresses = ["::1", "0:0::1"]\n' + SERVICE,
        ['2:21: [socket] addresses has "0:0::1" twice: take one out']),
    "an address that is no list": (
        '[socket]\naddresses = "127.0.0.1"\n' + SERVICE,
        ['2:13: [socket] addresses is a string: write a list of addresses: ["192.0.2.1", '
         '"2001:db8::1"]']),
    "[socket] for DPDK": (
        '[socket]\naddresses = ["127.0.0.1"]\n' + DPDK + SERVICE,
        ['1:2: [socket] is for another port: [port] kind is "dpdk": take the section out, '
         'or write kind = "socket"']),
    "[dpdk] for sockets": (
        '[dpdk]\nhugepages = true\n' + SERVICE,
        ['1:2: [dpdk] is for another port: [port] kind is "socket": take the section out, '
         'or write kind = "dpdk"']),
    "DPDK without device and address": (
        '[port]\nkind = "dpdk"\n' + SERVICE,
        ["2:8: [dpdk] names no device: name one with pci or vdevs",
         "2:8: [dpdk] has no addresses: write the server's own: "
         "addresses = [\"192.0.2.10\"]"]),
    "DPDK with lists of no device": (
        '[port]\nkind = "dpdk"\n[dpdk]\npci = []\nvdevs = []\naddresses = ["10.0.0.1"]\n' + SERVICE,
        ["3:2: [dpdk] names no device: name one with pci or vdevs"]),
    "no PCI address": (
        '[port]\nkind = "dpdk"\n[dpdk]\npci = ["81:00.0"]\naddresses = ["10.0.0.1"]\n' + SERVICE,
        ['4:8: [dpdk] pci has "81:00.0": write a PCI address like 0000:81:00.0 (lspci -D)']),
    "one PCI device twice": (
        DPDK + 'pci = ["0000:81:00.0", "0000:81:00.0"]\n' + SERVICE,
        ['6:24: [dpdk] pci has "0000:81:00.0" twice: take one out']),
    "addresses that DPDK cannot have": (
        '[port]\nkind = "dpdk"\n[dpdk]\nvdevs = ["net_tap0"]\n'
        'addresses = ["10.0.0.1", "::1", "ff02::1", "localhost"]\n' + SERVICE,
        ['5:26: [dpdk] addresses has "::1": no address that a host can have: write an address of '
         "the server's own",
         '5:33: [dpdk] addresses has "ff02::1": no address that a host can have: write an address '
         "of the server's own",
         '5:44: [dpdk] addresses has "localhost": write a numeric IPv4 or IPv6 address']),
    "VLANs that are none": (
        DPDK + 'vlans = [5, 4095]\n' + SERVICE,
        ["6:13: [dpdk] vlans has 4095: choose 1 to 4094, or 0 for untagged frames"]),
    "a VLAN twice": (
        DPDK + 'vlans = [5, 5]\n' + SERVICE, ["6:13: [dpdk] vlans has 5 twice: take one out"]),
    "a VLAN in quotes": (
        DPDK + 'vlans = ["5"]\n' + SERVICE,
        ["6:10: [dpdk] vlans has a string: write VLAN numbers: [5, 6], and 0 for untagged "
         "frames"]),
    "a gateway that is a group": (
        DPDK + 'gateway_mac = "01:00:5e:00:00:01"\n' + SERVICE,
        ['6:15: [dpdk] gateway_mac has "01:00:5e:00:00:01": the MAC address of a group: write '
         "that of one station"]),
    "an MTU below IP's": (
        DPDK + 'mtu = 100\n' + SERVICE,
        ["6:7: [dpdk] mtu is 100: choose 576 to 9216, or 0 for the device's"]),
    "an MTU below IPv6's": (
        DPDK.replace('"10.0.0.1"', '"2001:db8::1"') + 'mtu = 1000\n' + SERVICE,
        ["3:2: [dpdk] has what does not go together: IPv6 needs an MTU of 1280: 1000"]),
    "more taps than devices": (
        DPDK + 'exception = ["a", "b"]\n' + SERVICE,
        ["3:2: [dpdk] has what does not go together: more taps than devices: b"]),
    "drops for no file": (
        DPDK + 'capture_drops = ["tag"]\n' + SERVICE,
        ["3:2: [dpdk] has what does not go together: drops to capture and a file for them go "
         "together"]),
    "drops that there are not": (
        DPDK + 'capture_drops = ["tag", "bad_luck"]\ncapture_file = "drops.pcap"\n' + SERVICE,
        ['6:25: [dpdk] capture_drops has "bad_luck": no drop reason "bad_luck": choose from the '
         "names that --counters json shows"]),
    "too little memory for DPDK": (
        DPDK + 'memory_mb = 8\nqueue_size = 16\n' + SERVICE,
        ["6:13: [dpdk] memory_mb is 8: choose 16 to 1048576",
         "7:14: [dpdk] queue_size is 16: choose 32 to 32768"]),
    "hugepages as a number": (
        DPDK + 'hugepages = 1\n' + SERVICE,
        ["6:13: [dpdk] hugepages is an integer: write true or false, without quotes"]),
    "an EAL argument that is empty": (
        DPDK + 'eal = [""]\n' + SERVICE,
        ["6:8: [dpdk] eal has an empty text: take it out"]),
    "a service without anything": (
        '[[service]]\n',
        ["1:1: [[service]] has no udp_port: write one: udp_port = 7700",
         '1:1: [[service]] has no handler: write one: handler = "echo"',
         '1:1: [[service]] has no keys: write one: keys = ["server.key"]']),
    "no UDP port": (
        SERVICE.replace("7700", "0"),
        ["2:12: [[service]] udp_port is 0: choose 1 to 65535"]),
    "a UDP port that is too large": (
        SERVICE.replace("7700", "65536"),
        ["2:12: [[service]] udp_port is 65536: choose 1 to 65535"]),
    "a UDP port as text": (
        SERVICE.replace("7700", '"7700"'),
        ["2:12: [[service]] udp_port is a string: write a whole number, 1 to 65535"]),
    "an unknown handler": (
        SERVICE.replace("echo", "dance"),
        ['3:11: [[service]] handler is "dance": choose echo, discard, ack, time, count, library '
         "or forward"]),
    "a varying handler on suite 1": (
        SERVICE.replace("echo", "time"),
        ["3:11: service at UDP port 7700: the replies of handler time vary, and suite 1 is "
         "broken by two different replies to one request: choose a handler whose reply "
         "depends on the request alone, or a key of suite 0xF002"]),
    "a reply for echo": (
        SERVICE + 'reply = "yes"\n',
        ['5:9: [[service]] reply belongs to handler "ack", and the handler is "echo": take '
         "one out"]),
    "two replies": (
        SERVICE.replace("echo", "ack") + 'reply = "yes"\nreply_hex = "00"\n',
        ["6:13: [[service]] has reply and reply_hex: take one out"]),
    "a reply that is no hexadecimal": (
        SERVICE.replace("echo", "ack") + 'reply_hex = "0"\n',
        ['5:13: [[service]] reply_hex is "0": write two hexadecimal digits for each byte']),
    "a reply that is too long": (
        SERVICE.replace("echo", "ack") + f'reply_hex = "{"00" * 1421}"\n',
        ["5:13: [[service]] reply_hex has 1421 bytes: choose at most 1420"]),
    "no name": (
        SERVICE + 'name = "a b"\n',
        ["5:8: [[service]] name is \"a b\": choose 1 to 64 letters, digits, '-', '_' and "
         "'.'"]),
    "two services of one name": (
        SERVICE + 'name = "a"\n' + SERVICE.replace("7700", "7701").replace("server", "other")
        + 'name = "a"\n',
        ["10:8: service a at UDP port 7701: two services of the name a: give each its own"]),
    "two services at one UDP port": (
        SERVICE + SERVICE.replace("server", "other"),
        ["6:12: service at UDP port 7700: two services at this UDP port: give each its own, "
         "or addresses that tell them apart"]),
    "two services at one address": (
        SERVICE + 'name = "a"\naddresses = ["127.0.0.1"]\n' + SERVICE.replace("server", "other")
        + 'name = "b"\naddresses = ["::1", "127.0.0.1"]\n',
        ["8:12: service b at UDP port 7700: two services at this UDP port: give each its "
         "own, or addresses that tell them apart"]),
    "a service where nobody listens": (
        '[socket]\naddresses = ["127.0.0.1"]\n' + SERVICE + 'addresses = ["127.0.0.2"]\n',
        ['7:13: [[service]] addresses has "127.0.0.2", at which the server does not listen: '
         "choose from the addresses of [socket], or add it there"]),
    "a service where DPDK does not listen": (
        DPDK + SERVICE + 'addresses = ["10.0.0.2"]\n',
        ['10:13: [[service]] addresses has "10.0.0.2", at which the server does not listen: '
         "choose from the addresses of [dpdk], or add it there"]),
    "an unknown policy": (
        SERVICE + 'policy = "maybe"\n',
        ['5:10: [[service]] policy is "maybe": choose "optional" or "anonymous" or '
         '"required"']),
    "an unknown suite": (
        SERVICE + 'suite = 2\n',
        ["5:9: [[service]] suite is 2: choose 1 or 0xf002"]),
    "another suite than the key's": (
        SERVICE + 'suite = 0xf002\n',
        ["4:9: server.key: the key is of suite 1, but the service at UDP port 7700 is to "
         "serve suite 0xF002: make a key for it: pssst genkey --suite 0xF002"]),
    "a label on suite 1": (
        SERVICE + 'suite = 1\nlabel = "valves"\n',
        ["6:9: [[service]] label: suite 1 has none: take it out, or choose suite = 0xf002"]),
    "a label that no key takes": (
        SERVICE + 'label = "valves"\n',
        ["5:9: service at UDP port 7700: it has a label, but no key of suite 0xF002, which "
         "takes one: make a key: pssst genkey --suite 0xf002"]),
    "a label that is too long": (
        SERVICE.replace("server.key", "f002.key") + f'label = "{"x" * 65}"\n',
        ["5:9: [[service]] label is "
         '"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": the label is '
         "longer than 64 bytes: choose at most 64 bytes"]),
    "no keys": (
        SERVICE.replace('["server.key"]', '[]'),
        ["4:8: [[service]] keys is empty: name a key file, as pssst genkey makes it"]),
    "keys that are numbers": (
        SERVICE.replace('["server.key"]', '[1]'),
        ["4:9: [[service]] keys has an integer: write text in quotes"]),
    "a key twice": (
        SERVICE.replace('["server.key"]', '["server.key", "server.key"]'),
        ['4:23: [[service]] keys has "server.key" twice: take one out']),
    "a key file that is missing": (
        SERVICE.replace("server.key", "none.key"),
        ["4:9: none.key: cannot open the key file: No such file or directory: make one: "
         "(umask 077; pssst genkey > none.key)"]),
    "a key file that is open to others": (
        SERVICE.replace("server.key", "open.key"),
        ["4:9: open.key: the key file is open to group or others (mode 0644): chmod 600 "
         "open.key"]),
    "a key file that is short": (
        SERVICE.replace("server.key", "short.key"),
        ["4:9: short.key: the key file is too short (62 characters of 64): a key file holds "
         "64 hexadecimal digits, as pssst genkey writes them"]),
    "a key file that is a folder": (
        SERVICE.replace("server.key", "folder"),
        ["4:9: folder: not a regular file: name a key file, as pssst genkey makes it"]),
    "a file that holds no key": (
        SERVICE.replace("server.key", "words.key"),
        ["4:9: words.key: the key file holds something that is no hexadecimal digit: a key "
         "file holds 64 hexadecimal digits, as pssst genkey writes them"]),
    "a credential without systemd": (
        SERVICE.replace("server.key", "credential:server.key"),
        ['4:9: [[service]] keys has "credential:server.key": CREDENTIALS_DIRECTORY is not '
         "set, as systemd does for credentials: write LoadCredential=server.key:FILE into "
         "the unit; elsewhere set CREDENTIALS_DIRECTORY yourself"]),
    "a credential by a path": (
        SERVICE.replace("server.key", "credential:../server.key"),
        ['4:9: [[service]] keys has "credential:../server.key": not the name of a '
         "credential: write credential:NAME, as LoadCredential=NAME:FILE of the unit has it"]),
    "two keys of suite 1": (
        SERVICE.replace('["server.key"]', '["server.key", "other.key"]'),
        ["4:23: service at UDP port 7700: two keys of suite 1, whose requests do not say "
         "which they are for: give it one, and others of suite 0xF002; or let second_key "
         "try both, which doubles what junk costs"]),
    "a second key that is not there": (
        SERVICE + 'second_key = "try"\n',
        ["5:14: service at UDP port 7700: a second key is to be tried, but it has 1 key of "
         "suite 1: give it two, or leave second_key out"]),
    "an unknown way with the second key": (
        SERVICE + 'second_key = true\n',
        ['5:14: [[service]] second_key is true: write "try" or "no"']),
    "a reply limit that is too high": (
        SERVICE + "reply_limit = 3.01\n",
        ["5:15: [[service]] reply_limit is not 1 to 3 in hundredths: write how many times as long "
         "as its request a reply may be, like 1.5"]),
    "a reply limit that is no number": (
        SERVICE + 'reply_limit = "2"\n',
        ["5:15: [[service]] reply_limit is a string: write a number, 1 to 3: reply_limit = 1.5"]),
    "a prefix with bits behind it": (
        '[protection]\nallow = ["192.0.2.0/24", "192.0.2.1/24"]\n' + SERVICE,
        ['2:26: [protection] allow has "192.0.2.1/24": write a prefix without further bits, or an '
         "address"]),
    "one prefix twice": (
        '[protection]\nallow = ["2001:db8::/32", "2001:0db8::/32"]\n' + SERVICE,
        ['2:27: [protection] allow has "2001:0db8::/32" twice: take one out']),
    "a burst of nothing": (
        "[protection]\nburst_ipv6_48 = 0\n" + SERVICE,
        ["2:17: [protection] burst_ipv6_48 is 0: choose 1 to 1000000"]),
    "one suite 1 key in two services that reply": (
        SERVICE + SERVICE.replace("7700", "7701"),
        ["8:9: service at UDP port 7701: the service at UDP port 7700 replies under the "
         "same key, and a suite 1 key must have one reply function only: give each service "
         "its own key"]),
    "one key in two suites": (
        SERVICE + SERVICE.replace("7700", "7701").replace("server.key", "server-f002.key"),
        ["8:9: service at UDP port 7701: one key in two suites: give each suite a key of "
         "its own"]),
    "a suite 1 key that answered otherwise": (
        SERVICE.replace("server.key", "used.key"),
        ["4:9: used.key.replies: under this suite 1 key requests were answered by ack, "
         "version 1, replies to 3 bytes; by echo, version 1, replies to 1420 bytes they "
         "would get a second answer, which lets requests be forged: give the service a new "
         "key: pssst genkey"]),
    "a record that is damaged": (
        SERVICE.replace("server.key", "damaged.key"),
        ["4:9: damaged.key.replies:2: not a line of a record of reply functions: restore "
         "the file, or give the service a new key"]),
    "a list of clients that is missing": (
        '[clients]\nfile = "nobody"\n' + SERVICE,
        ["2:8: nobody: cannot open the client list: No such file or directory: name a file "
         "with one public key per line"]),
    "a list of clients with bad lines": (
        '[clients]\nfile = "bad-clients"\n' + SERVICE,
        ["2:8: bad-clients: 2 bad lines: line 3: not 64 hexadecimal digits but 2 "
         "characters; line 4: the key of line 2 again: one public key of 64 hexadecimal "
         "digits per line, # begins a comment"]),
    "a server's key that is a client's": (
        '[clients]\nfile = "clients"\n' + SERVICE,
        ["6:9: service at UDP port 7700: its key is enrolled as a client's, and one key is "
         "never both a client's and a server's: give the service or the client a new key"]),
    "a control socket with a long name": (
        f'[control]\nsocket = "/run/{"x" * 110}"\n' + SERVICE,
        ["2:10: [control] socket has 115 characters: choose a path of at most 107"]),
    "a control mode as a number": (
        '[control]\nsocket = "control"\nmode = 432\n' + SERVICE,
        ["3:8: [control] mode is an integer: write a mode in quotes, in octal digits: "
         '"0660"']),
    "a control mode that is not octal": (
        '[control]\nsocket = "control"\nmode = "rw-"\n' + SERVICE,
        ['3:8: [control] mode is "rw-": write a mode in octal digits: "0660"']),
    "users of no control socket": (
        '[control]\nusers = ["ada"]\n' + SERVICE,
        ["2:9: [control] users may use a socket, and there is none: write its path: socket "
         '= "/run/pssst/control"']),
    "metrics at no port": (
        '[metrics]\nlisten = "127.0.0.1"\n' + SERVICE,
        ['2:10: [metrics] listen is "127.0.0.1": write ADDRESS:PORT, like "127.0.0.1:9477" '
         'or "[::1]:9477"']),
    "metrics at a host name": (
        '[metrics]\nlisten = "localhost:9477"\n' + SERVICE,
        ['2:10: [metrics] listen is "localhost:9477": write ADDRESS:PORT, like '
         '"127.0.0.1:9477" or "[::1]:9477"']),
    "an unknown target of the log": (
        '[log]\ntarget = "file"\n' + SERVICE,
        ['2:10: [log] target is "file": choose "stderr" or "journal"']),
    "an unknown level of the log": (
        '[log]\nlevel = "loud"\n' + SERVICE,
        ['2:9: [log] level is "loud": choose "error" or "warning" or "info" or "debug"']),
    "a user that is a number": (
        '[privileges]\nuser = 33\n' + SERVICE,
        ["2:8: [privileges] user is an integer: write text in quotes"]),
    "seccomp as text": (
        '[privileges]\nseccomp = "no"\n' + SERVICE,
        ["2:11: [privileges] seccomp is a string: write true or false, without quotes"]),
    "a deadline without unit": (
        '[drain]\ndeadline = "30"\n' + SERVICE,
        ['2:12: [drain] deadline is "30": write a number and its unit: "30s"']),
    "a deadline as a number": (
        '[drain]\ndeadline = 30\n' + SERVICE,
        ['2:12: [drain] deadline is an integer: write a time in quotes: "30s"']),
    "a deadline in parts of a second": (
        '[drain]\ndeadline = "2500ms"\n' + SERVICE,
        ['2:12: [drain] deadline is "2500ms": choose whole seconds']),
    "a deadline of days": (
        '[drain]\ndeadline = "100h"\n' + SERVICE,
        ['2:12: [drain] deadline is "100h": choose "0s" to "3600s"']),
    "quiet longer than the deadline": (
        '[drain]\ndeadline = "1s"\n' + SERVICE,
        ["2:12: [drain] quiet is 2 s, which the deadline of 1 s forestalls: choose at most "
         "the deadline"]),
    "a date": (
        '[drain]\nquiet = 2026-01-31\n' + SERVICE,
        ['2:9: [drain] quiet is a date or time: write a time in quotes: "30s"']),
    "many faults": (
        '[port]\nkind = "dpdk"\n[dpdk]\naddresses = ["x"]\n'
        + SERVICE.replace("server.key", "none.key") + 'policy = 1\n'
        + SERVICE.replace("echo", "time"),
        ["3:2: [dpdk] names no device: name one with pci or vdevs",
         '4:14: [dpdk] addresses has "x": write a numeric IPv4 or IPv6 address',
         "8:9: none.key: cannot open the key file: No such file or directory: make one: "
         "(umask 077; pssst genkey > none.key)",
         '9:10: [[service]] policy is an integer: write "optional" or "anonymous" or '
         '"required"',
         "11:12: service at UDP port 7700: two services at this UDP port: give each its "
         "own, or addresses that tell them apart",
         "12:11: service at UDP port 7700: the replies of handler time vary, and suite 1 is "
         "broken by two different replies to one request: choose a handler whose reply "
         "depends on the request alone, or a key of suite 0xF002"]),
}
