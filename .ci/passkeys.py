"""Passkeys in a real browser: Chromium without a window, with the virtual authenticator of its driver. A page that is served for
this alone registers them and signs in by them, through the AWS wire.

Needs the release build (or what COGNATE_TEST_BINARY names), pip, and Debian's chromium and chromium-driver.
"""

import base64
import functools
import json
import shutil
import sys
import tempfile
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cognate import Server, in_environment

PAGE = Path(__file__).resolve().parent / "passkeys"
PASSWORD = "Correct-horse-7"
BROWSER_SECONDS_MAX = 30
REFUSED = "NotAuthorizedException: The passkey was not accepted."


class Quiet(SimpleHTTPRequestHandler):
    """Serves the page, and does not say so."""

    def log_message(self, *_):
        pass


class Browser:
    """A window with the page, and a device that keeps passkeys."""

    def __init__(self, url):
        from selenium import webdriver
        from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

        options = webdriver.ChromeOptions()
        options.binary_location = shutil.which("chromium")
        for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"):
            options.add_argument(argument)
        service = webdriver.ChromeService(shutil.which("chromedriver"))
        self.driver = webdriver.Chrome(options, service)
        self.driver.set_script_timeout(BROWSER_SECONDS_MAX)
        self.driver.get(url)
        device = VirtualAuthenticatorOptions(has_resident_key=True, has_user_verification=True, is_user_verified=True)
        self.driver.add_virtual_authenticator(device)

    def runs(self, function, *arguments):
        """What a function of the page gives, or the error that it throws."""
        script = (
            "const [name, given, done] = arguments;"
            "window.eval(name)(...given).then((value) => done({ value }), (error) => done({ error: `${error.message}`, name: error.name }));"
        )
        told = self.driver.execute_async_script(script, function, list(arguments))
        if "error" in told:
            raise Refused(told["error"], told["name"])
        return told["value"]

    def close(self):
        self.driver.quit()


class Refused(Exception):
    def __init__(self, message, name):
        super().__init__(message)
        self.name = name


def refused(function, *arguments):
    try:
        told = function(*arguments)
    except Refused as refusal:
        return str(refusal)
    raise AssertionError(f"it was not refused: {told}")


class Operator:
    """Who makes the pool and its users, as on AWS."""

    def __init__(self, facts):
        import boto3

        credential = {f"aws_{name}": value for name, value in facts["access_key"].items()}
        self.cognito = boto3.client(
            "cognito-idp", endpoint_url=facts["endpoint"], region_name=facts["region"], **credential
        )
        factors = {"AllowedFirstAuthFactors": ["PASSWORD", "WEB_AUTHN"]}
        made = self.cognito.create_user_pool(PoolName="passkeys", Policies={"SignInPolicy": factors})
        self.pool = made["UserPool"]["Id"]
        self.configure(MfaConfiguration="OFF")
        flows = ["ALLOW_USER_AUTH", "ALLOW_USER_PASSWORD_AUTH"]
        made = self.cognito.create_user_pool_client(
            UserPoolId=self.pool, ClientName="page", ExplicitAuthFlows=flows, PreventUserExistenceErrors="ENABLED"
        )
        self.client = made["UserPoolClient"]["ClientId"]

    def configure(self, factors="SINGLE_FACTOR", **others):
        """How passkeys are made, and what is asked for beside them."""
        passkeys = {"RelyingPartyId": "localhost", "UserVerification": "required", "FactorConfiguration": factors}
        self.cognito.set_user_pool_mfa_config(UserPoolId=self.pool, WebAuthnConfiguration=passkeys, **others)

    def user(self, username):
        """A user with a password. Gives an access token of theirs."""
        name = {"UserPoolId": self.pool, "Username": username}
        self.cognito.admin_create_user(**name, MessageAction="SUPPRESS")
        self.cognito.admin_set_user_password(**name, Password=PASSWORD, Permanent=True)
        signed_in = self.cognito.initiate_auth(
            ClientId=self.client,
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": PASSWORD},
        )
        return signed_in["AuthenticationResult"]["AccessToken"]


def decoded(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def from_another_page(credential):
    """The same, if the browser had been on another page."""
    data = json.loads(decoded(credential["response"]["clientDataJSON"]))
    data["origin"] = "https://evil.example"
    response = credential["response"] | {"clientDataJSON": encoded(json.dumps(data).encode())}
    return credential | {"response": response}


def story(browser, operator, elsewhere):
    cognito, client = operator.cognito, operator.client
    alice, bob = operator.user("alice"), operator.user("bob")

    # Without one, there is nothing to use.
    assert browser.runs("begin", client, "alice") == {"challenge": "SELECT_CHALLENGE"}
    made = browser.runs("register", alice)
    listed = cognito.list_web_authn_credentials(AccessToken=alice)["Credentials"]
    assert [passkey["CredentialId"] for passkey in listed] == [made["id"]], listed
    assert listed[0]["RelyingPartyId"] == "localhost" and listed[0]["AuthenticatorTransports"] == ["usb"], listed
    # The device knows that it has one of hers already.
    assert "InvalidStateError" in name_of(browser.runs, "register", alice)

    signed_in = browser.runs("signIn", client, "alice")
    tokens = signed_in["AuthenticationResult"]
    assert cognito.get_user(AccessToken=tokens["AccessToken"])["Username"] == "alice"
    factors = cognito.get_user_auth_factors(AccessToken=alice)["ConfiguredUserAuthFactors"]
    assert factors == ["PASSWORD", "WEB_AUTHN"], factors

    # What has answered one challenge answers no other.
    asked = browser.runs("begin", client, "alice")
    assert refused(browser.runs, "answer", client, "alice", asked["session"], signed_in["credential"]) == REFUSED
    # A page elsewhere gets nothing from the browser, and what came from there nothing from the server.
    assert "SecurityError" in name_of(elsewhere.runs, "use", asked["options"])
    credential = browser.runs("use", asked["options"])
    foreign = from_another_page(credential)
    assert refused(browser.runs, "answer", client, "alice", asked["session"], foreign) == REFUSED
    # Another user's passkey, on the same device, is none of hers. His is registered by a back end, as on AWS.
    how = cognito.start_web_authn_registration(AccessToken=bob)["CredentialCreationOptions"]
    cognito.complete_web_authn_registration(AccessToken=bob, Credential=browser.runs("make", how))
    of_bob = browser.runs("begin", client, "bob")["options"]["allowCredentials"]
    by_bob = browser.runs("use", asked["options"] | {"allowCredentials": of_bob})
    assert refused(browser.runs, "answer", client, "alice", asked["session"], by_bob) == REFUSED
    # The right one is right all the same, once.
    assert "AuthenticationResult" in browser.runs("answer", client, "alice", asked["session"], credential)
    again = refused(browser.runs, "answer", client, "alice", asked["session"], credential)
    assert again.endswith("session can only be used once."), again

    # A copy that was taken before the last use.
    driver = browser.driver
    [kept] = [each for each in driver.get_credentials() if encoded(decoded(each.id)) == made["id"]]
    browser.runs("signIn", client, "alice")
    driver.remove_credential(kept.id)
    driver.add_credential(kept)
    assert refused(browser.runs, "signIn", client, "alice") == REFUSED
    # The copy has signed once more in vain; from here on it counts as the other did.
    assert "AuthenticationResult" in browser.runs("signIn", client, "alice")

    # A device that does not know its user signs nobody in where that is required.
    driver.set_user_verified(False)
    assert "NotAllowedError" in name_of(browser.runs, "signIn", client, "alice")
    driver.set_user_verified(True)

    # Where everybody needs a second factor, a passkey begins only if it stands for both.
    app = {"MfaConfiguration": "ON", "SoftwareTokenMfaConfiguration": {"Enabled": True}}
    operator.configure(**app)
    assert browser.runs("begin", client, "alice") == {"challenge": "SELECT_CHALLENGE"}
    operator.configure("MULTI_FACTOR_WITH_USER_VERIFICATION", **app)
    assert "AuthenticationResult" in browser.runs("signIn", client, "alice")

    cognito.delete_web_authn_credential(AccessToken=alice, CredentialId=made["id"])
    assert browser.runs("begin", client, "alice") == {"challenge": "SELECT_CHALLENGE"}
    assert "AuthenticationResult" in browser.runs("signIn", client, "bob")


def name_of(function, *arguments):
    """What kind of error the browser throws."""
    try:
        told = function(*arguments)
    except Refused as refusal:
        return refusal.name
    raise AssertionError(f"it was not refused: {told}")


def main():
    in_environment("passkeys", "boto3", "selenium")
    for program in ("chromium", "chromedriver"):
        assert shutil.which(program), f"{program} is needed: apt-get install chromium chromium-driver"
    page = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=PAGE))
    threading.Thread(target=page.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="cognate-passkeys-") as work:
        work, browsers, cognate = Path(work), [], None
        try:
            cognate = Server(work)
            for host in ("localhost", "127.0.0.1"):
                browsers.append(Browser(f"http://{host}:{page.server_port}/page.html?endpoint={cognate.url}"))
            story(browsers[0], Operator(cognate.facts), browsers[1])
            assert "may have been copied" in cognate.log.read_text(), "the log does not tell of the copy"
            cognate.stop()
        except BaseException:
            sys.stderr.writelines((work / "log").read_text().splitlines(keepends=True)[-20:])
            raise
        finally:
            for browser in browsers:
                browser.close()
            if cognate:
                cognate.kill()
    print("passkeys: registered, used and refused in Chromium")


if __name__ == "__main__":
    main()
