"""A sign-up through a mail server that we did not write: aiosmtpd takes the mail, over STARTTLS and with a password, and the
code in it confirms the user.

Also that without the right password nothing arrives and the message waits, where `cognate outbox` shows it. Needs the
release build (or what COGNATE_TEST_BINARY names), openssl and pip.
"""

import json
import queue
import re
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from email import message_from_bytes, policy
from pathlib import Path

from cognate import BINARY, PATIENCE_SECONDS, REPOSITORY, Server, in_environment

USER, PASSWORD = "cognate", "hunter2-hunter2"


def mail_server(certificates, mail):
    """Takes mail from who has logged in over TLS."""
    from aiosmtpd.controller import Controller
    from aiosmtpd.smtp import AuthResult

    class Handler:
        async def handle_DATA(self, server, session, envelope):
            mail.put((session.ssl is not None, session.authenticated, envelope))
            return "250 2.0.0 taken"

    def authenticate(server, session, envelope, mechanism, data):
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=False)

    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificates / "server.pem", certificates / "server.key")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(
        Handler(),
        hostname="127.0.0.1",
        port=port,
        tls_context=tls,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    return controller


class MailingServer(Server):
    """A server that hands its mail to a mail server, with this password."""

    def __init__(self, work, port, password):
        (work / "mail-password").write_text(password + "\n")
        super().__init__(
            work,
            smtp_host="127.0.0.1",
            smtp_port=port,
            smtp_username=USER,
            smtp_password_file=work / "mail-password",
            smtp_ca_file=work / "tls" / "authority.pem",
            mail_from="Example <no-reply@id.example.com>",
        )

    def call(self, operation, **members):
        body = json.dumps({"ClientId": self.facts["client_id"], **members}).encode()
        headers = {
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": f"AWSCognitoIdentityProviderService.{operation}",
        }
        with urllib.request.urlopen(urllib.request.Request(self.url, body, headers)) as answer:
            return json.loads(answer.read() or "{}")

    def sign_up(self, name):
        attributes = [{"Name": "email", "Value": f"{name}@example.com"}]
        return self.call("SignUp", Username=name, Password="Passw0rd!", UserAttributes=attributes)

    def outbox(self):
        listed = subprocess.run([BINARY, "outbox", "list"], env=self.environment, capture_output=True, text=True, check=True)
        return listed.stdout

    def outbox_once(self, told):
        """What it lists once it tells this."""
        for _ in range(PATIENCE_SECONDS * 10):
            listed = self.outbox()
            if told in listed:
                return listed
            time.sleep(0.1)
        raise AssertionError(listed)


def main():
    in_environment("mail", "aiosmtpd==1.4.6")
    mail = queue.Queue()
    with tempfile.TemporaryDirectory(prefix="cognate-mail-") as work:
        work = Path(work)
        made = [REPOSITORY / "deploy" / "tls" / "make-certificates", work / "tls"]
        subprocess.run(made, check=True, capture_output=True)
        controller = mail_server(work / "tls", mail)
        cognate = None
        try:
            cognate = MailingServer(work, controller.port, "wrong")
            cognate.sign_up("alice")
            waiting = cognate.outbox_once("535")
            cognate.stop()
            assert "a***@e***" in waiting and mail.empty(), waiting
            print("a wrong password: " + waiting.splitlines()[0])

            cognate = MailingServer(work, controller.port, PASSWORD)
            over_tls, logged_in, envelope = mail.get(timeout=PATIENCE_SECONDS)
            assert over_tls and logged_in, "neither TLS nor a login"
            assert envelope.mail_from == "no-reply@id.example.com" and envelope.rcpt_tos == ["alice@example.com"]
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert not message.defects, message.defects
            plain = message.get_body(("plain",)).get_content()
            html = message.get_body(("html",)).get_content()
            code = re.search(r"\b\d{6}\b", plain).group()
            assert code in html and str(message["subject"]) == "Your verification code", message
            cognate.call("ConfirmSignUp", Username="alice", ConfirmationCode=code)
            parameters = {"USERNAME": "alice", "PASSWORD": "Passw0rd!"}
            signed_in = cognate.call("InitiateAuth", AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
            assert signed_in["AuthenticationResult"]["AccessToken"]
            cognate.stop()
            assert cognate.outbox() == "0 waiting, 0 given up\n", cognate.outbox()
            log = cognate.log.read_text()
            assert "alice" not in log and code not in log and PASSWORD not in log, log
            print(f"the right one: {message['message-id']} arrived, its code confirmed alice, and she signed in")
        except BaseException:
            sys.stderr.write((work / "log").read_text())
            raise
        finally:
            if cognate:
                cognate.kill()
            controller.stop()


if __name__ == "__main__":
    main()
