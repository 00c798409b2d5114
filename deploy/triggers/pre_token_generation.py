"""An example: the ID token tells the domain of the user's e-mail address."""


def lambda_handler(event, context):
    domain = event["request"]["userAttributes"].get("email", "").partition("@")[2]
    event["response"]["claimsOverrideDetails"] = {"claimsToAddOrOverride": {"domain": domain}}
    return event
