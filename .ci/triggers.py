"""Functions of Node and Python behind the shims of deploy/triggers, asked by a server through boto3's calls.

Who is of example.com is a user at once and has a claim that says so; others are refused in the function's own words; and a
caller without the secret hears nothing of a function. Needs the release build (or what COGNATE_TEST_BINARY names), node and pip.
"""

import base64
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from cognate import PATIENCE_SECONDS, REPOSITORY, Server, in_environment

SHIMS = REPOSITORY / "deploy" / "triggers"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
SECRET, PASSWORD = "hunter2-hunter2", "Correct-horse-7"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(interpreter, shim, function):
    """A function behind its shim. Gives the process and where it listens, once it does."""
    port = free_port()
    command = [interpreter, SHIMS / shim, SHIMS / function, str(port)]
    process = subprocess.Popen(command, env={"PATH": os.environ["PATH"], "TRIGGER_SECRET": SECRET}, stderr=subprocess.DEVNULL)
    for _ in range(PATIENCE_SECONDS * 20):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return process, f"http://127.0.0.1:{port}/"
        time.sleep(0.05)
    raise AssertionError(f"{shim} does not listen")


def hears_strangers(url):
    try:
        urllib.request.urlopen(urllib.request.Request(url, data=b"{}"))
        return True
    except urllib.error.HTTPError as refused:
        return refused.code != 401


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


def main():
    in_environment("clients", "boto3")
    import boto3

    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        secret = work / "secret"
        secret.write_text(SECRET)
        node, sign_up = start("node", "shim.mjs", "pre_sign_up.mjs")
        python, tokens = start(sys.executable, "shim.py", "pre_token_generation.py")
        bindings = {"sign-up": sign_up, "tokens": tokens}
        entries = [f'"{ARN}{name}" = {{url = "{url}", secret_file = "{secret}"}}' for name, url in bindings.items()]
        server = Server(work, triggers="{" + ", ".join(entries) + "}")
        try:
            assert not hears_strangers(sign_up) and not hears_strangers(tokens)
            key = server.facts["access_key"]
            cognito = boto3.client(
                "cognito-idp",
                region_name="us-east-1",
                endpoint_url=server.facts["endpoint"],
                aws_access_key_id=key["access_key_id"],
                aws_secret_access_key=key["secret_access_key"],
            )
            lambdas = {"PreSignUp": f"{ARN}sign-up", "PreTokenGeneration": f"{ARN}tokens"}
            pool = cognito.create_user_pool(PoolName="people", LambdaConfig=lambdas)["UserPool"]
            assert pool["LambdaConfig"] == lambdas
            client = cognito.create_user_pool_client(
                UserPoolId=pool["Id"], ClientName="app", ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"]
            )["UserPoolClient"]["ClientId"]

            def sign_up_as(name, email):
                attributes = [{"Name": "email", "Value": email}]
                return cognito.sign_up(ClientId=client, Username=name, Password=PASSWORD, UserAttributes=attributes)

            assert sign_up_as("maria", "maria@example.com")["UserConfirmed"]
            parameters = {"USERNAME": "maria", "PASSWORD": PASSWORD}
            signed_in = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
            assert claims(signed_in["AuthenticationResult"]["IdToken"])["domain"] == "example.com"
            try:
                sign_up_as("mallory", "mallory@example.org")
                raise AssertionError("a stranger was let in")
            except cognito.exceptions.UserLambdaValidationException as refused:
                told = refused.response["Error"]["Message"]
                assert told == "PreSignUp failed with error Only for people of example.com.", told
            server.stop()
        finally:
            server.kill()
            node.kill()
            python.kill()
    print("functions of Node and Python were asked, and what they said was done")


if __name__ == "__main__":
    main()
