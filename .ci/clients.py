"""Stories through clients that people have, unmodified and told nothing but the endpoint: pycognito with boto3,
amazon-cognito-identity-js, and Amplify. The codes of authenticator apps are pyotp's and otplib's.

Makes pools by boto3 with the operator's access key, then runs the stories in `clients` against them. Needs the release build
(or what COGNATE_TEST_BINARY names), pip and npm.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from cognate import REPOSITORY, Server, in_environment

STORIES = Path(__file__).resolve().parent / "clients"
MODULES = REPOSITORY / "target" / "clients"
STORY_SECONDS_MAX = 300
TEMPORARY_PASSWORD = "Welcome-aboard-1"
FLOWS = ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]


def install_modules():
    """What the lock file says, by npm; and the stories beside it, where their imports are found."""
    for source in [STORIES / "package.json", STORIES / "package-lock.json", *STORIES.glob("*.mjs")]:
        shutil.copy(source, MODULES)
    subprocess.run(["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=MODULES, check=True)


class Operator:
    """Who makes pools and clients, and invites users, as on AWS."""

    def __init__(self, facts):
        import boto3

        credential = {f"aws_{name}": value for name, value in facts["access_key"].items()}
        self.cognito = boto3.client(
            "cognito-idp", endpoint_url=facts["endpoint"], region_name=facts["region"], **credential
        )

    def pool(self, name, second_factors=None, **settings):
        """A pool that verifies e-mail addresses, with a public client and one with a secret."""
        made = self.cognito.create_user_pool(PoolName=name, AutoVerifiedAttributes=["email"], **settings)
        pool = made["UserPool"]["Id"]
        if second_factors:
            self.cognito.set_user_pool_mfa_config(UserPoolId=pool, **second_factors)
        return {"id": pool, "public": self.client(pool, False), "confidential": self.client(pool, True)}

    def client(self, pool, with_secret):
        name = "confidential" if with_secret else "public"
        made = self.cognito.create_user_pool_client(
            UserPoolId=pool,
            ClientName=name,
            GenerateSecret=with_secret,
            ExplicitAuthFlows=FLOWS,
            PreventUserExistenceErrors="ENABLED",
        )["UserPoolClient"]
        return {"id": made["ClientId"], "secret": made.get("ClientSecret")}

    def invite(self, pool, username):
        email = {"Name": "email", "Value": f"{username}@example.com"}
        self.cognito.admin_create_user(
            UserPoolId=pool["id"],
            Username=username,
            TemporaryPassword=TEMPORARY_PASSWORD,
            UserAttributes=[email, {"Name": "email_verified", "Value": "true"}],
            MessageAction="SUPPRESS",
        )

    def pools(self):
        app = {"SoftwareTokenMfaConfiguration": {"Enabled": True}}
        mail = {"EmailMfaConfiguration": {"Message": "Your code is {####}", "Subject": "Your code"}}
        text_messages = {"SmsMfaConfiguration": {"SmsAuthenticationMessage": "Your code is {####}"}}
        by_phone_first = {
            "RecoveryMechanisms": [
                {"Name": "verified_phone_number", "Priority": 1},
                {"Name": "verified_email", "Priority": 2},
            ]
        }
        return {
            "usual": self.pool(
                "usual",
                second_factors={"MfaConfiguration": "OPTIONAL", **app, **text_messages},
                Policies={"SignInPolicy": {"AllowedFirstAuthFactors": ["PASSWORD", "EMAIL_OTP"]}},
            ),
            "by_address": self.pool("by_address", UsernameAttributes=["email"]),
            "app_needed": self.pool("app_needed", second_factors={"MfaConfiguration": "ON", **app}),
            "code_by_mail": self.pool(
                "code_by_mail",
                second_factors={"MfaConfiguration": "OPTIONAL", **mail},
                AccountRecoverySetting=by_phone_first,
            ),
            "devices": self.pool(
                "devices",
                second_factors={"MfaConfiguration": "OPTIONAL", **app},
                DeviceConfiguration={"ChallengeRequiredOnNewDevice": True, "DeviceOnlyRememberedOnUserPrompt": False},
            ),
        }


def main():
    in_environment("clients", "--requirement", str(STORIES / "requirements.txt"))
    install_modules()
    with tempfile.TemporaryDirectory(prefix="cognate-clients-") as work:
        work = Path(work)
        cognate = None
        try:
            cognate = Server(work)
            operator = Operator(cognate.facts)
            pools = operator.pools()
            for pool, username in [("usual", "elena"), ("app_needed", "otto"), ("app_needed", "olga")]:
                operator.invite(pools[pool], username)
            facts = work / "facts.json"
            facts.write_text(json.dumps({**cognate.facts, "pools": pools, "temporary_password": TEMPORARY_PASSWORD}))
            environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}
            for program in (
                [sys.executable, STORIES / "with_pycognito.py"],
                ["node", MODULES / "with_identity_js.mjs"],
                ["node", MODULES / "with_amplify.mjs"],
            ):
                subprocess.run([*program, facts], check=True, env=environment, timeout=STORY_SECONDS_MAX)
            cognate.stop()
        except BaseException:
            sys.stderr.writelines((work / "log").read_text().splitlines(keepends=True)[-20:])
            raise
        finally:
            if cognate:
                cognate.kill()


if __name__ == "__main__":
    main()
