// Sign-ins by Amplify: what amazon-cognito-identity-js, which is older, does not know. Ends with another status than 0 at the
// first step that goes another way.

import assert from "node:assert/strict";

import * as auth from "@aws-amplify/auth";
import { cognitoUserPoolsTokenProvider as tokenProvider } from "@aws-amplify/auth/cognito";
import { Amplify, fetchAuthSession } from "@aws-amplify/core";

import * as common from "./common.mjs";
import { codeTo, facts, password, refused, shown, temporary, wrong, wrongPassword } from "./common.mjs";

const step = (text) => console.log(`Amplify: ${text}`);

// Has the page use the public client of a pool, with nobody signed in.
function opens(pool) {
  const { id, public: app } = facts.pools[pool];
  const Cognito = { userPoolId: id, userPoolClientId: app.id, userPoolEndpoint: facts.endpoint };
  tokenProvider.setAuthConfig({ Cognito });
  Amplify.configure({ Auth: { Cognito } }, { Auth: { tokenProvider } });
}

// The name in the access token that the page has, if it has one.
async function whoIsSignedIn(options) {
  const { tokens } = await fetchAuthSession(options);
  return tokens?.accessToken.payload.username;
}

// What Amplify asks for next.
const asked = async (promise) => {
  const { isSignedIn, nextStep } = await promise;
  assert.equal(isSignedIn, nextStep.signInStep === "DONE");
  return nextStep;
};

const answers = (challengeResponse) => asked(auth.confirmSignIn({ challengeResponse }));

const signsUp = (username) =>
  auth.signUp({ username, password, options: { userAttributes: { email: `${username}@example.com` } } });

async function anAccount() {
  opens("usual");
  const username = "anna";
  await signsUp(username);
  const code = await codeTo(`${username}@example.com`);
  const confirm = (confirmationCode) => auth.confirmSignUp({ username, confirmationCode });
  await refused(common.wrongConfirmation, confirm(wrong(code)));
  await confirm(code);
  step("signed up, and confirmed by the code that was mailed");

  await refused(wrongPassword, auth.signIn({ username, password: "Wrong-horse-7" }));
  assert.equal((await asked(auth.signIn({ username, password }))).signInStep, "DONE");
  const before = (await fetchAuthSession()).tokens.accessToken.toString();
  assert.equal(await whoIsSignedIn({ forceRefresh: true }), username);
  assert.notEqual((await fetchAuthSession()).tokens.accessToken.toString(), before);
  await auth.signOut({ global: true });
  assert.equal(await whoIsSignedIn(), undefined);
  step("signed in by SRP, refreshed, and signed out everywhere; a wrong password refused");
}

async function aChoice() {
  opens("usual");
  const [username, address] = ["anna", "anna@example.com"];
  const signIn = (more, options) =>
    asked(auth.signIn({ username, ...more, options: { authFlowType: "USER_AUTH", ...options } }));
  const { signInStep, availableChallenges } = await signIn();
  assert.equal(signInStep, "CONTINUE_SIGN_IN_WITH_FIRST_FACTOR_SELECTION");
  assert.deepEqual(availableChallenges.toSorted(), ["EMAIL_OTP", "PASSWORD", "PASSWORD_SRP"]);
  assert.equal((await answers("EMAIL_OTP")).signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  const code = await codeTo(address);
  await refused(common.wrongSentCode, answers(wrong(code)));
  assert.equal((await answers(code)).signInStep, "DONE");
  await auth.signOut();
  const preferred = await signIn({}, { preferredChallenge: "EMAIL_OTP" });
  assert.equal(preferred.signInStep, "CONFIRM_SIGN_IN_WITH_EMAIL_CODE");
  await refused(common.wrongSentCode, answers(code));
  assert.equal((await answers(await codeTo(address))).signInStep, "DONE");
  await auth.signOut();
  step("signed in by a code by mail, chosen and preferred; a wrong code and a used one refused");

  const bySrp = { preferredChallenge: "PASSWORD_SRP" };
  await refused(wrongPassword, signIn({ password: "Wrong-horse-7" }, bySrp));
  assert.equal((await signIn({ password }, bySrp)).signInStep, "DONE");
  await auth.signOut();
  step("signed in by SRP as the preferred way; a wrong password refused");
}

async function aCodeByMailAsSecondFactor() {
  opens("code_by_mail");
  const [username, address] = ["milo", "milo@example.com"];
  await signsUp(username);
  await auth.confirmSignUp({ username, confirmationCode: await codeTo(address) });
  assert.equal((await asked(auth.signIn({ username, password }))).signInStep, "DONE");
  await auth.updateMFAPreference({ email: "PREFERRED" });
  assert.deepEqual(await auth.fetchMFAPreference(), { preferred: "EMAIL", enabled: ["EMAIL"] });
  await auth.signOut();
  const next = await asked(auth.signIn({ username, password }));
  assert.deepEqual([next.signInStep, next.codeDeliveryDetails.destination], ["CONFIRM_SIGN_IN_WITH_EMAIL_CODE", "m***@e***"]);
  const code = await codeTo(address);
  await refused(common.wrongSentCode, answers(wrong(code)));
  assert.equal((await answers(code)).signInStep, "DONE");
  await auth.signOut();
  step("signed in by SRP and a code by mail; a wrong code refused");
}

async function anAppThatIsNeeded() {
  opens("app_needed");
  const username = "olga";
  const first = await asked(auth.signIn({ username, password: temporary }));
  assert.equal(first.signInStep, "CONFIRM_SIGN_IN_WITH_NEW_PASSWORD_REQUIRED");
  const { signInStep, totpSetupDetails } = await answers(password);
  assert.equal(signInStep, "CONTINUE_SIGN_IN_WITH_TOTP_SETUP");
  const { sharedSecret } = totpSetupDetails;
  await refused(common.wrongFirstCode, answers(wrong(await shown(sharedSecret))));
  assert.equal((await answers(await shown(sharedSecret))).signInStep, "DONE");
  await auth.signOut();
  const later = await asked(auth.signIn({ username, password }));
  assert.equal(later.signInStep, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  const code = await shown(sharedSecret, 1);
  await refused(common.wrongShownCode, answers(wrong(code)));
  assert.equal((await answers(code)).signInStep, "DONE");
  await auth.signOut();
  step("where a second factor is needed, a new password and an authenticator app were set up in one sign-in");
}

// A device is named after its browser, which Node 20 does not say it is.
globalThis.navigator ??= { userAgent: "node" };

async function aDeviceThatIsRemembered() {
  opens("devices");
  const [username, address] = ["dina", "dina@example.com"];
  await signsUp(username);
  await auth.confirmSignUp({ username, confirmationCode: await codeTo(address) });
  assert.equal((await asked(auth.signIn({ username, password }))).signInStep, "DONE");
  const { sharedSecret } = await auth.setUpTOTP();
  await auth.verifyTOTPSetup({ code: await shown(sharedSecret) });
  await auth.updateMFAPreference({ totp: "PREFERRED" });
  assert.equal((await auth.fetchDevices()).length, 1);
  await auth.signOut();
  assert.equal((await asked(auth.signIn({ username, password }))).signInStep, "DONE");
  assert.equal(await whoIsSignedIn({ forceRefresh: true }), username);
  step("a device that was confirmed with a sign-in signed in again with no code, and refreshed");

  await auth.forgetDevice();
  assert.deepEqual(await auth.fetchDevices(), []);
  await auth.signOut();
  const later = await asked(auth.signIn({ username, password }));
  assert.equal(later.signInStep, "CONFIRM_SIGN_IN_WITH_TOTP_CODE");
  assert.equal((await answers(await shown(sharedSecret, 1))).signInStep, "DONE");
  await auth.signOut();
  step("once it was forgotten, it was asked for a code");
}

await anAccount();
await aChoice();
await aCodeByMailAsSecondFactor();
await anAppThatIsNeeded();
await aDeviceThatIsRemembered();
