"""Accounts and sign-ins by pycognito, and by boto3 for the challenges that pycognito does not know.

Takes the file that `.ci/clients.py` writes. Ends with another status than 0 at the first step that goes another way.
"""

import json
import sys
import time

import boto3
import pyotp
from botocore.exceptions import ClientError
from pycognito import Cognito
from pycognito.aws_srp import AWSSRP
from pycognito.exceptions import ForceChangePasswordException, SoftwareTokenMFAChallengeException

from cognate import Outbox

FACTS = json.load(open(sys.argv[1]))
OUTBOX = Outbox(FACTS["outbox"])
TEMPORARY, PASSWORD, NEW = FACTS["temporary_password"], "Correct-horse-7", "Correct-horse-8"
WRONG_PASSWORD = ("NotAuthorizedException", "Incorrect username or password.")


def step(text):
    print(f"pycognito: {text}", flush=True)


def refused(expected, call, *arguments, **members):
    """The call fails with this exception and message."""
    try:
        call(*arguments, **members)
    except ClientError as error:
        said = error.response["Error"]["Code"], error.response["Error"]["Message"]
        assert said == expected, f"refused with {said} instead of {expected}"
        return
    raise AssertionError(f"not refused with {expected}")


def raises(expected, call, *arguments):
    """pycognito asks for the next step by this exception."""
    try:
        call(*arguments)
    except expected:
        return
    raise AssertionError(f"{expected.__name__} was not raised")


class Person:
    """Somebody who uses one client of a pool."""

    def __init__(self, pool, kind, name):
        self.pool, self.app = FACTS["pools"][pool], FACTS["pools"][pool][kind]
        self.name, self.address = f"{name}.{kind}", f"{name}.{kind}@example.com"

    def cognito(self, username=None, **credential):
        return Cognito(
            self.pool["id"],
            self.app["id"],
            username=username or self.name,
            client_secret=self.app["secret"],
            boto3_client_kwargs={"endpoint_url": FACTS["endpoint"]},
            **credential,
        )

    def srp(self, password=PASSWORD):
        """pycognito's SRP alone, which hands out the answer with any challenge."""
        return AWSSRP(
            self.name, password, self.pool["id"], self.app["id"], client=BOTO3, client_secret=self.app["secret"]
        )

    def secret_hash(self):
        return AWSSRP.get_secret_hash(self.name, self.app["id"], self.app["secret"]) if self.app["secret"] else None

    def initiate(self, **parameters):
        parameters = {"USERNAME": self.name, "SECRET_HASH": self.secret_hash(), **parameters}
        return BOTO3.initiate_auth(ClientId=self.app["id"], AuthFlow="USER_AUTH", AuthParameters=given(parameters))

    def respond(self, challenge, session, **responses):
        responses = {"USERNAME": self.name, "SECRET_HASH": self.secret_hash(), **responses}
        return BOTO3.respond_to_auth_challenge(
            ClientId=self.app["id"], ChallengeName=challenge, Session=session, ChallengeResponses=given(responses)
        )

    def signs_up(self, username=None):
        """Confirmed by the code that was mailed."""
        cognito = self.cognito(username)
        cognito.set_base_attributes(email=self.address)
        cognito.register(cognito.username, PASSWORD)
        cognito.confirm_sign_up(OUTBOX.code_to(self.address))
        return cognito

    def is_invited(self):
        """By the operator, with a temporary password."""
        operator = self.cognito(
            access_key=FACTS["access_key"]["access_key_id"], secret_key=FACTS["access_key"]["secret_access_key"]
        )
        operator.admin_create_user(
            self.name, TEMPORARY, {"MessageAction": "SUPPRESS"}, email=self.address, email_verified="true"
        )


def given(members):
    return {name: value for name, value in members.items() if value is not None}


def has_tokens(answer):
    assert answer["AuthenticationResult"]["AccessToken"], answer
    return answer["AuthenticationResult"]["AccessToken"]


def wrong(code):
    """Six or eight other digits."""
    return "".join(str((int(digit) + 5) % 10) for digit in code)


def an_account(kind):
    """Its whole life. pycognito verifies both tokens at each sign-in, by the keys under the endpoint."""
    person = Person("usual", kind, "ada")
    ada = person.cognito()
    ada.set_base_attributes(email=person.address)
    ada.register(person.name, PASSWORD)
    code = OUTBOX.code_to(person.address)
    mismatch = "CodeMismatchException", "Invalid verification code provided, please try again."
    refused(mismatch, ada.confirm_sign_up, wrong(code))
    ada.confirm_sign_up(code)
    step(f"{kind}: signed up, and confirmed by the code that was mailed")

    refused(WRONG_PASSWORD, ada.authenticate, "Wrong-horse-7")
    refused(WRONG_PASSWORD, person.cognito("nobody").authenticate, PASSWORD)
    ada.authenticate(PASSWORD)
    assert ada.id_claims["cognito:username"] == person.name and ada.access_claims["client_id"] == person.app["id"]
    assert ada.get_user().email_verified is True
    step(f"{kind}: signed in by SRP, both tokens verified; a wrong password and an unknown name refused alike")

    before = ada.access_token
    ada.renew_access_token()
    assert ada.access_token != before and ada.refresh_token
    step(f"{kind}: tokens refreshed")

    refused(WRONG_PASSWORD, ada.change_password, "Wrong-horse-7", NEW)
    ada.change_password(PASSWORD, NEW)
    refused(WRONG_PASSWORD, person.cognito().authenticate, PASSWORD)
    person.cognito().authenticate(NEW)
    step(f"{kind}: password changed; by SRP the old one is refused, and the new one signs in")

    ada.initiate_forgot_password()
    code = OUTBOX.code_to(person.address)
    refused(mismatch, ada.confirm_forgot_password, wrong(code), PASSWORD)
    ada.confirm_forgot_password(code, PASSWORD)
    refused(WRONG_PASSWORD, person.cognito().authenticate, NEW)
    person.cognito().authenticate(PASSWORD)
    step(f"{kind}: a forgotten password replaced by the code that was mailed")

    access, refresh = ada.access_token, ada.refresh_token
    ada.logout()
    ada.access_token, ada.refresh_token = access, refresh
    refused(("NotAuthorizedException", "Access Token has been revoked"), ada.get_user)
    refused(("NotAuthorizedException", "Refresh Token has been revoked"), ada.renew_access_token)
    step(f"{kind}: signed out everywhere; neither token serves any more")


def an_authenticator_app(kind):
    person = Person("usual", kind, "theo")
    theo = person.signs_up()
    theo.authenticate(PASSWORD)
    app = pyotp.TOTP(theo.associate_software_token())
    now = time.time()
    mismatch = "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"
    refused(mismatch, theo.verify_software_token, wrong(app.at(now)))
    assert theo.verify_software_token(app.at(now), "telephone")
    person.cognito().authenticate(PASSWORD)
    theo.set_user_mfa_preference(False, True, "SOFTWARE_TOKEN")
    step(f"{kind}: an authenticator app registered, then turned on")

    # A code serves once, and one that is thirty seconds ahead is taken.
    code = app.at(now + 30)
    raises(SoftwareTokenMFAChallengeException, theo.authenticate, PASSWORD)
    mismatch = "CodeMismatchException", "Invalid code received for user"
    refused(mismatch, theo.respond_to_software_token_mfa_challenge, wrong(code))
    theo.respond_to_software_token_mfa_challenge(code)
    spent = "NotAuthorizedException", "Invalid session for the user, session can only be used once."
    refused(spent, theo.respond_to_software_token_mfa_challenge, code)
    again = person.cognito()
    raises(SoftwareTokenMFAChallengeException, again.authenticate, PASSWORD)
    used = "ExpiredCodeException", "Your software token has already been used once."
    refused(used, again.respond_to_software_token_mfa_challenge, code)
    step(f"{kind}: signed in by SRP and the app; a wrong code, a used one and a spent session refused")


def an_invitation(kind):
    person = Person("usual", kind, "elena")
    person.is_invited()
    elena = person.cognito()
    raises(ForceChangePasswordException, elena.authenticate, TEMPORARY)
    refused(WRONG_PASSWORD, elena.new_password_challenge, "Wrong-horse-7", PASSWORD)
    weak = "InvalidPasswordException", "Password does not conform to policy: Password not long enough"
    refused(weak, elena.new_password_challenge, TEMPORARY, "Short-1")
    elena.new_password_challenge(TEMPORARY, PASSWORD)
    refused(WRONG_PASSWORD, person.cognito().authenticate, TEMPORARY)
    person.cognito().authenticate(PASSWORD)
    step(f"{kind}: an invited user set a password, and signs in by it alone")


def an_address_as_name(kind):
    person = Person("by_address", kind, "ines")
    person.name = person.address
    ines = person.signs_up()
    refused(WRONG_PASSWORD, ines.authenticate, "Wrong-horse-7")
    ines.authenticate(PASSWORD)
    assert ines.id_claims["cognito:username"] == ines.id_claims["sub"] != person.address
    # The secret of a refresh covers the user's own name, as in Cognito; pycognito takes what it was given.
    ines.username = ines.id_claims["cognito:username"]
    ines.renew_access_token()
    step(f"{kind}: signed in by SRP under an e-mail address that stands for the user's name, and refreshed")


def an_app_that_is_needed(kind):
    """pycognito knows no MFA_SETUP: its SRP gets there, boto3 goes on."""
    person = Person("app_needed", kind, "otto")
    person.is_invited()
    answer = person.srp(TEMPORARY).set_new_password_challenge(PASSWORD)
    assert answer["ChallengeName"] == "MFA_SETUP", answer
    assert json.loads(answer["ChallengeParameters"]["MFAS_CAN_SETUP"]) == ["SOFTWARE_TOKEN_MFA"], answer
    associated = BOTO3.associate_software_token(Session=answer["Session"])
    app, now = pyotp.TOTP(associated["SecretCode"]), time.time()
    verify = {"Session": associated["Session"], "FriendlyDeviceName": "telephone"}
    mismatch = "EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"
    refused(mismatch, BOTO3.verify_software_token, UserCode=wrong(app.at(now)), **verify)
    unfinished = "NotAuthorizedException", "Invalid session for the user."
    refused(unfinished, person.respond, "SOFTWARE_TOKEN_MFA", associated["Session"], SOFTWARE_TOKEN_MFA_CODE=app.at(now))
    verified = BOTO3.verify_software_token(UserCode=app.at(now), **verify)
    assert verified["Status"] == "SUCCESS", verified
    has_tokens(person.respond("MFA_SETUP", verified["Session"]))
    otto = person.cognito()
    raises(SoftwareTokenMFAChallengeException, otto.authenticate, PASSWORD)
    otto.respond_to_software_token_mfa_challenge(app.at(now + 30))
    step(f"{kind}: where a second factor is needed, a new password and an authenticator app were set up in one sign-in")


def a_code_by_mail_as_second_factor(kind):
    """pycognito knows no EMAIL_OTP: its SRP gets there, boto3 goes on."""
    person = Person("code_by_mail", kind, "mara")
    mara = person.signs_up()
    mara.authenticate(PASSWORD)
    turned_on = {"Enabled": True, "PreferredMfa": True}
    BOTO3.set_user_mfa_preference(AccessToken=mara.access_token, EmailMfaSettings=turned_on)
    answer = person.srp().authenticate_user()
    assert answer["ChallengeName"] == "EMAIL_OTP" and "AuthenticationResult" not in answer, answer
    code = OUTBOX.code_to(person.address)
    mismatch = "CodeMismatchException", "Invalid code or auth state for the user."
    refused(mismatch, person.respond, "EMAIL_OTP", answer["Session"], EMAIL_OTP_CODE=wrong(code))
    has_tokens(person.respond("EMAIL_OTP", answer["Session"], EMAIL_OTP_CODE=code))
    later = person.srp().authenticate_user()
    refused(mismatch, person.respond, "EMAIL_OTP", later["Session"], EMAIL_OTP_CODE=code)
    has_tokens(person.respond("EMAIL_OTP", later["Session"], EMAIL_OTP_CODE=OUTBOX.code_to(person.address)))
    step(f"{kind}: signed in by SRP and a code by mail; a wrong code and a used one refused")


def a_choice(kind):
    """USER_AUTH by boto3: a code by mail instead of a password, or SRP by choice."""
    person = Person("usual", kind, "nora")
    person.signs_up()
    answer = person.initiate()
    assert answer["ChallengeName"] == "SELECT_CHALLENGE", answer
    assert sorted(answer["AvailableChallenges"]) == ["EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"], answer
    chosen = person.respond("SELECT_CHALLENGE", answer["Session"], ANSWER="EMAIL_OTP")
    assert chosen["ChallengeName"] == "EMAIL_OTP", chosen
    code = OUTBOX.code_to(person.address)
    mismatch = "CodeMismatchException", "Invalid code or auth state for the user."
    refused(mismatch, person.respond, "EMAIL_OTP", chosen["Session"], EMAIL_OTP_CODE=wrong(code))
    has_tokens(person.respond("EMAIL_OTP", chosen["Session"], EMAIL_OTP_CODE=code))
    preferred = person.initiate(PREFERRED_CHALLENGE="EMAIL_OTP")
    refused(mismatch, person.respond, "EMAIL_OTP", preferred["Session"], EMAIL_OTP_CODE=code)
    has_tokens(person.respond("EMAIL_OTP", preferred["Session"], EMAIL_OTP_CODE=OUTBOX.code_to(person.address)))
    step(f"{kind}: signed in by a code by mail, chosen and preferred; a wrong code and a used one refused")

    for password, outcome in [("Wrong-horse-7", WRONG_PASSWORD), (PASSWORD, None)]:
        srp = person.srp(password)
        begun = srp.get_auth_params()
        answer = person.initiate(PREFERRED_CHALLENGE="PASSWORD_SRP", SRP_A=begun["SRP_A"])
        assert answer["ChallengeName"] == "PASSWORD_VERIFIER", answer
        proof = srp.process_challenge(answer["ChallengeParameters"], begun)
        if outcome:
            refused(outcome, person.respond, "PASSWORD_VERIFIER", answer["Session"], **proof)
        else:
            has_tokens(person.respond("PASSWORD_VERIFIER", answer["Session"], **proof))
    step(f"{kind}: signed in by SRP as the preferred way; a wrong password refused")


BOTO3 = boto3.client("cognito-idp", endpoint_url=FACTS["endpoint"], region_name=FACTS["region"])

for kind in ("public", "confidential"):
    an_account(kind)
    an_authenticator_app(kind)
    an_invitation(kind)
    an_address_as_name(kind)
    an_app_that_is_needed(kind)
    a_code_by_mail_as_second_factor(kind)
    a_choice(kind)
