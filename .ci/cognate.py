"""What scripts of the gate share: a server of their own, its mail, and Python packages in an environment of their own."""

import json
import os
import signal
import subprocess
import sys
import time
import venv
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
BINARY = os.environ.get("COGNATE_TEST_BINARY", str(REPOSITORY / "target" / "release" / "cognate"))
PATIENCE_SECONDS = 60


def in_environment(name, *install):
    """Runs the script again by the interpreter of target/NAME, where pip has installed this, unless that is the one."""
    environment = REPOSITORY / "target" / name
    interpreter = environment / "bin" / "python"
    if Path(sys.prefix).resolve() == environment.resolve():
        return
    if not interpreter.exists():
        venv.create(environment, with_pip=True)
    pip = [interpreter, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, *install], check=True)
    os.execv(interpreter, [str(interpreter), *sys.argv])


class Server:
    """A server process on loopback, with its data in a directory. Settings go by their names in the README."""

    def __init__(self, work, **settings):
        self.log = work / "log"
        self.environment = {"PATH": os.environ["PATH"], "COGNATE_DATA": str(work / "data"), "COGNATE_LISTEN": "127.0.0.1:0"}
        self.environment |= {f"COGNATE_{name.upper()}": str(value) for name, value in settings.items()}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve"], env=self.environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        listening = next((line for line in self.process.stdout if line.startswith("Cognate listens on ")), None)
        assert listening, "the server did not start"
        self.url = listening.split()[-1]
        self.facts = json.loads((work / "data" / "quickstart.json").read_text())

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_SECONDS) == 0, "it did not end well"

    def kill(self):
        """Whatever it does; nothing if it has ended."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Outbox:
    """The outbox file: each message is handed out once."""

    def __init__(self, path):
        self.path = Path(path)
        self.seen = set()

    def code_to(self, address):
        """The code in the oldest message to this address that nobody has had, once it is there."""
        for _ in range(PATIENCE_SECONDS * 20):
            lines = self.path.read_text().splitlines() if self.path.exists() else []
            for message in map(json.loads, filter(None, lines)):
                if message["to"] == address and message["id"] not in self.seen:
                    self.seen.add(message["id"])
                    return message["code"]
            time.sleep(0.05)
        raise AssertionError(f"no message to {address}")
