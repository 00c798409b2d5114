"""Runs every command of the README against a real server, and compares what they print with what stands there.

Code blocks are marked by what follows the language:

    sh              a command to paste: run in one shell, in order; it must succeed
    sh fails        the same, and it must fail
    sh server       the first terminal: started in the background; a server that runs is first killed with SIGKILL
    sh tests        run by .ci/run
    python, js      saved as target/tour/tour.py or tour.mjs and run
    text example    shown, not run; js example as well
    json, text      what the block before prints; what differs from run to run (ids, times, tokens) may differ
    json log        a line of the server's log

`--write` puts what was printed into the README instead of comparing.
"""

import difflib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
README = REPOSITORY / "README.md"
BLOCK = re.compile(r"^```(\w+)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# What differs from run to run, and what stands for it in a comparison.
VARIES = [
    (r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "<uuid>"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"(?im)^date: .*$", "date: <time>"),
    (r'"(AccessToken|IdToken|RefreshToken|Session)": "[^"]*"', r'"\1": "<token>"'),
    (r'"duration_ms":[\d.e-]+', '"duration_ms":<number>'),
    (r"127\.0\.0\.1:\d+", "<address>"),
    (r"\b[a-z]{2}-[a-z]+-\d_[0-9A-Za-z]{9}\b", "<pool>"),
    (r"\b[a-z0-9]{26}\b", "<client>"),
    (r"\b1\d{9}(\.\d+)?\b", "<time>"),
    (r"\bAKIA[A-Z2-7]{16}\b", "<key>"),
    (r"\b\d+ records\b( at sequence \d+)?", "<records>"),
    (r"\b\d+ of them users\b", "<users>"),
    (r"\bdigest [0-9a-f]{64}\b", "<digest>"),
    (r"/tmp/tmp\.\w+", "<directory>"),
    (r"\b\d+ lines in 1 files are whole: 1 to \d+, head [0-9a-f]{64}\b", "<lines>"),
    (r"\b\d{6}\b", "<code>"),
]

PRELUDE = """
set -euo pipefail
SERVER=
STARTED=0
step() { STEP=$1; echo "--- $1"; }
give_up() { echo "$1" >&2; exit 1; }
started() {
  STARTED=$((STARTED + 1))
  for _ in $(seq 600); do
    grep -q '^Cognate listens on' "$WORK/server.$STARTED.out" && return
    kill -0 "$SERVER" 2> /dev/null || break
    sleep 0.5
  done
  give_up "the server did not start"
}
pull_the_plug() {
  [ -n "$SERVER" ] || return 0
  kill -KILL "$SERVER"
  wait "$SERVER" 2> /dev/null || true
}
ended() {
  local status=$?
  [ -n "$SERVER" ] && kill -KILL "$SERVER" 2> /dev/null
  if [ $status -ne 0 ]; then
    echo "FAILED with status $status: $STEP" >&2
    tail -n 20 "$WORK"/last.out "$WORK"/last.err "$WORK"/server.*.log >&2
  fi
}
trap ended EXIT
"""

# What the first start printed is a tour of its own; then the server must end well.
EPILOGUE = r"""
step "the lines that the first start printed"
grep -E '^(grpcurl|CODE=|export|aws) ?' "$WORK/server.1.out" > "$WORK/printed.sh"
. "$WORK/printed.sh" > "$WORK/last.out" 2> "$WORK/last.err"
[ "$(wc -l < "$WORK/printed.sh")" -ge 9 ] || give_up "the first start printed too little"
grep -q '"UserStatus": "CONFIRMED"' "$WORK/last.out" || give_up "the printed lines did not confirm a user"
[ "$(grep -c '"AccessToken"' "$WORK/last.out")" -eq 2 ] || give_up "the printed lines did not sign in twice"

step "SIGTERM ends the server with status 0"
kill -TERM "$SERVER"
wait "$SERVER" || give_up "the server ended with status $?"
SERVER=
"""


class Block:
    def __init__(self, match, line):
        self.language, self.mark, self.text = match.groups()
        self.span = match.span(3)
        self.line = line
        self.output = None  # the block that shows what this one prints


def blocks(text):
    found = []
    for match in BLOCK.finditer(text):
        block = Block(match, text.count("\n", 0, match.start()) + 1)
        shows_output = block.language in ("json", "text") and block.mark is None
        if shows_output:
            found[-1].output = block
        else:
            found.append(block)
    return found


def script(found):
    lines = [PRELUDE]
    servers = 0
    for number, block in enumerate(found):
        lines.append(f'step "README.md:{block.line}"')
        into = '> "$WORK/last.out" 2> "$WORK/last.err"'
        if (block.language, block.mark) == ("sh", "server"):
            servers += 1
            out = f'> "$WORK/server.{servers}.out" 2> "$WORK/server.{servers}.log"'
            lines.append(f"pull_the_plug\n{block.text.strip()} {out} & SERVER=$!\nstarted")
            continue
        if (block.language, block.mark) == ("sh", "fails"):
            lines.append(f"if {{\n{block.text}}} > \"$WORK/last.out\" 2>&1; then give_up 'it should have failed'; fi")
        elif (block.language, block.mark) == ("sh", None):
            lines.append(f"{{\n{block.text}}} {into}")
        elif block.language in ("python", "js") and block.mark is None:
            program, name = {"python": ("python3", "tour.py"), "js": ("node", "tour.mjs")}[block.language]
            lines.append(f'cp "$WORK/{number}.program" target/tour/{name}\n{program} target/tour/{name} {into}')
        else:
            lines.pop()
            continue
        lines.append(f'cp "$WORK/last.out" "$WORK/{number}.out"')
    return "\n".join([*lines, EPILOGUE])


def run(found, work):
    (work / "tour.sh").write_text(script(found))
    for number, block in enumerate(found):
        (work / f"{number}.program").write_text(block.text)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COGNATE_", "AWS_"))}
    environment |= {
        "WORK": str(work),
        "COGNATE_DATA": str(work / "data"),
        "COGNATE_LISTEN": address,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }
    shell = subprocess.Popen(["bash", str(work / "tour.sh")], cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL)
    try:
        return shell.wait()
    except BaseException:  # its trap stops the server
        shell.send_signal(signal.SIGTERM)
        shell.wait()
        raise


def alike(text):
    text = text.replace("\r", "")
    for pattern, stands_for in VARIES:
        text = re.sub(pattern, stands_for, text)
    return [line.rstrip() for line in text.strip().splitlines()]


def shown(text):
    """An output as the README shows it: on the usual port, with tokens cut short."""
    text = text.replace("\r", "")
    text = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:9229", text)
    text = re.sub(r'("(?:AccessToken|IdToken|RefreshToken|Session)": "[^"]{24})[^"]+"', r'\1…"', text)
    return "\n".join(line.rstrip() for line in text.strip().splitlines()) + "\n"


def log_line(shown_line, work):
    """The first line of the log about the same operation."""
    operation = re.search(r'"operation":"(\w+)"', shown_line)
    operation = operation.group(1) if operation else "SignUp"
    lines = (work / "server.1.log").read_text().splitlines()
    lines = [line for line in lines if line.startswith("{")]  # cargo speaks there too
    return next(line for line in lines if json.loads(line).get("operation") == operation) + "\n"


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    text = README.read_text()
    found = blocks(text)
    with tempfile.TemporaryDirectory(prefix="cognate-tour-") as work:
        work = Path(work)
        status = run(found, work)
        if status != 0:
            return status
        pairs = [
            (block.output, (work / f"{number}.out").read_text()) for number, block in enumerate(found) if block.output
        ]
        pairs += [(block, log_line(block.text, work)) for block in found if block.mark == "log"]
    if "--write" in sys.argv:
        for block, printed in sorted(pairs, key=lambda pair: -pair[0].span[0]):
            text = text[: block.span[0]] + shown(printed) + text[block.span[1] :]
        README.write_text(text)
        return 0
    differs = False
    for block, printed in pairs:
        says, does = alike(block.text), alike(printed)
        if says != does:
            differs = True
            sys.stdout.writelines(
                f"{line}\n" for line in difflib.unified_diff(says, does, f"README.md:{block.line}", "printed", lineterm="")
            )
    print(f"{len(pairs)} outputs compared: {'they differ' if differs else 'all as printed'}")
    return 1 if differs else 0


if __name__ == "__main__":
    sys.exit(main())
