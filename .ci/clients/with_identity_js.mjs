// Accounts and sign-ins by amazon-cognito-identity-js. Ends with another status than 0 at the first step that goes another way.

import assert from "node:assert/strict";

import cognitoIdentity from "amazon-cognito-identity-js";

import * as common from "./common.mjs";
import { another, codeTo, facts, password, refused, shown, temporary, wrong, wrongPassword } from "./common.mjs";

const { AuthenticationDetails, CognitoUser, CognitoUserAttribute, CognitoUserPool } = cognitoIdentity;

const step = (text) => console.log(`amazon-cognito-identity-js: ${text}`);

// What the library gives to a callback of a node's kind.
const called = (run) =>
  new Promise((resolve, reject) => run((error, value) => (error ? reject(error) : resolve(value))));

// What the library gives to the first of the callbacks of a sign-in.
const answered = (run) =>
  new Promise((resolve, reject) =>
    run({
      onSuccess: (session) => resolve({ session }),
      onFailure: reject,
      newPasswordRequired: (attributes, missing) => resolve({ asks: "newPasswordRequired", attributes, missing }),
      mfaRequired: (_, parameters) => resolve({ asks: "mfaRequired", parameters }),
      totpRequired: (_, parameters) => resolve({ asks: "totpRequired", parameters }),
      selectMFAType: (_, parameters) => resolve({ asks: "selectMFAType", parameters }),
      mfaSetup: (_, parameters) => resolve({ asks: "mfaSetup", parameters }),
      associateSecretCode: (secret) => resolve({ secret }),
      inputVerificationCode: (sent) => resolve({ sent }),
    }),
  );

// As browsers keep things: what is not there is null.
function localStorage() {
  const items = new Map();
  return {
    getItem: (name) => items.get(name) ?? null,
    setItem: (name, value) => items.set(name, String(value)),
    removeItem: (name) => items.delete(name),
    clear: () => items.clear(),
  };
}

// Somebody who uses the public client of a pool.
class Person {
  constructor(pool, name, username = name) {
    const { id, public: app } = facts.pools[pool];
    Object.assign(this, { pool: id, app: app.id, name: username, address: `${name}@example.com` });
  }

  // Another browser each time, unless one is named by what it keeps.
  user(client = this.app, username = this.name, Storage = localStorage()) {
    const options = { UserPoolId: this.pool, ClientId: client, endpoint: facts.endpoint, Storage };
    return new CognitoUser({ Username: username, Pool: new CognitoUserPool(options), Storage });
  }

  async registers(attributes = {}) {
    const given = Object.entries({ email: this.address, ...attributes });
    const list = given.map(([Name, Value]) => new CognitoUserAttribute({ Name, Value }));
    return called((done) => this.user().pool.signUp(this.name, password, list, null, done));
  }

  // Confirmed by the code that was mailed.
  async signsUp(attributes) {
    const { user } = await this.registers(attributes);
    const code = await codeTo(this.address);
    await called((done) => user.confirmRegistration(code, false, done));
  }
}

// By SRP, which is what the library does unless told otherwise.
const signIn = (user, Password) =>
  answered((callbacks) =>
    user.authenticateUser(new AuthenticationDetails({ Username: user.getUsername(), Password }), callbacks),
  );

const isSignedIn = ({ session, ...others }) => {
  assert.ok(session?.isValid(), JSON.stringify(others));
  return session;
};

async function anAccount() {
  const ada = new Person("usual", "ada");
  const { user, userConfirmed, codeDeliveryDetails } = await ada.registers();
  assert.deepEqual([userConfirmed, codeDeliveryDetails.DeliveryMedium], [false, "EMAIL"]);
  const code = await codeTo(ada.address);
  await refused(common.wrongConfirmation, called((done) => user.confirmRegistration(wrong(code), false, done)));
  await called((done) => user.confirmRegistration(code, false, done));
  step("signed up, and confirmed by the code that was mailed");

  await refused(wrongPassword, signIn(ada.user(), "Wrong-horse-7"));
  await refused(wrongPassword, signIn(ada.user(ada.app, "nobody"), password));
  const browser = ada.user();
  const session = isSignedIn(await signIn(browser, password));
  assert.equal(session.getIdToken().payload["cognito:username"], "ada");
  const attributes = await called((done) => browser.getUserAttributes(done));
  assert.equal(attributes.find(({ Name }) => Name === "email_verified").Value, "true");
  step("signed in by SRP; a wrong password and an unknown name refused alike");

  const refreshed = await called((done) => browser.refreshSession(session.getRefreshToken(), done));
  assert.notEqual(refreshed.getAccessToken().getJwtToken(), session.getAccessToken().getJwtToken());
  await called((done) => browser.getUserData(done, { bypassCache: true }));
  step("tokens refreshed");

  await refused(wrongPassword, called((done) => browser.changePassword("Wrong-horse-7", another, done)));
  await called((done) => browser.changePassword(password, another, done));
  await refused(wrongPassword, signIn(ada.user(), password));
  isSignedIn(await signIn(ada.user(), another));
  step("password changed; by SRP the old one is refused, and the new one signs in");

  const forgetful = ada.user();
  const { sent } = await answered((callbacks) => forgetful.forgotPassword(callbacks));
  assert.equal(sent.CodeDeliveryDetails.Destination, "a***@e***");
  const reset = await codeTo(ada.address);
  const confirm = (code) => answered((callbacks) => forgetful.confirmPassword(code, password, callbacks));
  await refused(common.wrongConfirmation, confirm(wrong(reset)));
  await confirm(reset);
  await refused(wrongPassword, signIn(ada.user(), another));
  isSignedIn(await signIn(ada.user(), password));
  step("a forgotten password replaced by the code that was mailed");

  const phone = ada.user();
  isSignedIn(await signIn(phone, password));
  await answered((callbacks) => browser.globalSignOut(callbacks));
  const revoked = (token) => ["NotAuthorizedException", `${token} Token has been revoked`];
  await refused(revoked("Access"), called((done) => phone.getUserAttributes(done)));
  const token = phone.getSignInUserSession().getRefreshToken();
  await refused(revoked("Refresh"), called((done) => phone.refreshSession(token, done)));
  step("signed out everywhere; neither token serves any more");
}

// The library knows no secrets: a client that has one is for back ends.
async function aClientWithASecret() {
  const { id } = facts.pools.usual.confidential;
  const message = `Client ${id} is configured with secret but SECRET_HASH was not received`;
  await refused(["NotAuthorizedException", message], signIn(new Person("usual", "ada").user(id), password));
  step("refused for a client that has a secret");
}

async function anAuthenticatorApp() {
  const theo = new Person("usual", "theo");
  await theo.signsUp({ phone_number: "+15555550100" });
  const browser = theo.user();
  isSignedIn(await signIn(browser, password));
  const { secret } = await answered((callbacks) => browser.associateSoftwareToken(callbacks));
  const verify = (code) => answered((callbacks) => browser.verifySoftwareToken(code, "telephone", callbacks));
  await refused(common.wrongFirstCode, verify(wrong(await shown(secret))));
  await verify(await shown(secret));
  isSignedIn(await signIn(theo.user(), password));
  const prefer = (sms, app) => called((done) => browser.setUserMfaPreference(sms, app, done));
  await prefer(null, { Enabled: true, PreferredMfa: true });
  const { PreferredMfaSetting } = await called((done) => browser.getUserData(done, { bypassCache: true }));
  assert.equal(PreferredMfaSetting, "SOFTWARE_TOKEN_MFA");
  step("an authenticator app registered, then turned on");

  // A code serves once, and one that is thirty seconds ahead is taken.
  const code = await shown(secret, 1);
  const send = (user, code, type) => answered((callbacks) => user.sendMFACode(code, callbacks, type));
  const first = theo.user();
  assert.equal((await signIn(first, password)).asks, "totpRequired");
  await refused(common.wrongShownCode, send(first, wrong(code), "SOFTWARE_TOKEN_MFA"));
  isSignedIn(await send(first, code, "SOFTWARE_TOKEN_MFA"));
  await refused(common.spentSession, send(first, code, "SOFTWARE_TOKEN_MFA"));
  const second = theo.user();
  assert.equal((await signIn(second, password)).asks, "totpRequired");
  await refused(common.usedShownCode, send(second, code, "SOFTWARE_TOKEN_MFA"));
  step("signed in by SRP and the app; a wrong code, a used one and a spent session refused");

  await prefer({ Enabled: true, PreferredMfa: false }, { Enabled: true, PreferredMfa: false });
  const third = theo.user();
  const { asks, parameters } = await signIn(third, password);
  assert.equal(asks, "selectMFAType");
  assert.deepEqual(JSON.parse(parameters.MFAS_CAN_CHOOSE).toSorted(), ["SMS_MFA", "SOFTWARE_TOKEN_MFA"]);
  const chosen = await answered((callbacks) => third.sendMFASelectionAnswer("SMS_MFA", callbacks));
  assert.equal(chosen.asks, "mfaRequired");
  const texted = await codeTo("+15555550100");
  await refused(common.wrongSentCode, send(third, wrong(texted)));
  isSignedIn(await send(third, texted));
  step("of two second factors the text message was chosen, and its code signed in");
}

async function anInvitation() {
  const elena = new Person("usual", "elena");
  await refused(wrongPassword, signIn(elena.user(), "Wrong-horse-7"));
  const browser = elena.user();
  const { asks, attributes, missing } = await signIn(browser, temporary);
  assert.deepEqual([asks, attributes.email, missing], ["newPasswordRequired", elena.address, []]);
  const complete = (chosen) => answered((callbacks) => browser.completeNewPasswordChallenge(chosen, {}, callbacks));
  const weak = ["InvalidPasswordException", "Password does not conform to policy: Password not long enough"];
  await refused(weak, complete("Short-1"));
  isSignedIn(await complete(password));
  await refused(wrongPassword, signIn(elena.user(), temporary));
  isSignedIn(await signIn(elena.user(), password));
  step("an invited user set a password, and signs in by it alone");
}

async function anAddressAsName() {
  const ines = new Person("by_address", "ines", "ines@example.com");
  await ines.signsUp();
  await refused(wrongPassword, signIn(ines.user(), "Wrong-horse-7"));
  const browser = ines.user();
  const session = isSignedIn(await signIn(browser, password));
  assert.equal(browser.getUsername(), session.getIdToken().payload.sub);
  await called((done) => browser.refreshSession(session.getRefreshToken(), done));
  step("signed in by SRP under an e-mail address that stands for the user's name, and refreshed");
}

async function anAppThatIsNeeded() {
  const otto = new Person("app_needed", "otto");
  const browser = otto.user();
  assert.equal((await signIn(browser, temporary)).asks, "newPasswordRequired");
  const { asks, parameters } = await answered((callbacks) =>
    browser.completeNewPasswordChallenge(password, {}, callbacks),
  );
  assert.deepEqual([asks, JSON.parse(parameters.MFAS_CAN_SETUP)], ["mfaSetup", ["SOFTWARE_TOKEN_MFA"]]);
  const { secret } = await answered((callbacks) => browser.associateSoftwareToken(callbacks));
  const verify = (code) => answered((callbacks) => browser.verifySoftwareToken(code, "telephone", callbacks));
  await refused(common.wrongFirstCode, verify(wrong(await shown(secret))));
  isSignedIn(await verify(await shown(secret)));
  const later = otto.user();
  assert.equal((await signIn(later, password)).asks, "totpRequired");
  const code = await shown(secret, 1);
  isSignedIn(await answered((callbacks) => later.sendMFACode(code, callbacks, "SOFTWARE_TOKEN_MFA")));
  step("where a second factor is needed, a new password and an authenticator app were set up in one sign-in");
}

async function aDeviceThatIsRemembered() {
  const dora = new Person("devices", "dora");
  await dora.signsUp();
  const kept = localStorage();
  const browser = () => dora.user(dora.app, dora.name, kept);
  const registered = browser();
  isSignedIn(await signIn(registered, password));
  const device = async (user) => (await answered((callbacks) => user.getDevice(callbacks))).session.Device;
  const { DeviceKey, DeviceAttributes } = await device(registered);
  assert.equal(registered.getSignInUserSession().getAccessToken().payload.device_key, DeviceKey);
  const status = DeviceAttributes.find(({ Name }) => Name === "dev:device_remembered_status");
  assert.equal(status.Value, "remembered");
  const { secret } = await answered((callbacks) => registered.associateSoftwareToken(callbacks));
  const code = await shown(secret);
  await answered((callbacks) => registered.verifySoftwareToken(code, "telephone", callbacks));
  const on = { Enabled: true, PreferredMfa: true };
  await called((done) => registered.setUserMfaPreference(null, on, done));
  step("a device was confirmed with the first sign-in, then an authenticator app turned on");

  const again = browser();
  const session = isSignedIn(await signIn(again, password));
  assert.equal(session.getAccessToken().payload.device_key, DeviceKey);
  assert.equal((await device(again)).DeviceKey, DeviceKey);
  const refreshed = await called((done) => again.refreshSession(session.getRefreshToken(), done));
  assert.equal(refreshed.getAccessToken().payload.device_key, DeviceKey);
  await refused(wrongPassword, signIn(browser(), "Wrong-horse-7"));
  step("the device signed in with the password and no code, and refreshed");

  const other = dora.user();
  assert.equal((await signIn(other, password)).asks, "totpRequired");
  const ahead = await shown(secret, 1);
  isSignedIn(await answered((callbacks) => other.sendMFACode(ahead, callbacks, "SOFTWARE_TOKEN_MFA")));
  const list = async () => (await answered((callbacks) => other.listDevices(60, null, callbacks))).session.Devices;
  assert.equal((await list()).length, 2);
  step("another device was asked for a code");

  await answered((callbacks) => other.forgetSpecificDevice(DeviceKey, callbacks));
  assert.deepEqual((await list()).map((left) => left.DeviceKey), [other.deviceKey]);
  const revoked = ["NotAuthorizedException", "Refresh Token has been revoked"];
  await refused(revoked, called((done) => again.refreshSession(session.getRefreshToken(), done)));
  assert.equal((await signIn(browser(), password)).asks, "totpRequired");
  step("once it was forgotten, the first device is asked for a code again, and refreshes no more");
}

await anAccount();
await aClientWithASecret();
await anAuthenticatorApp();
await anInvitation();
await anAddressAsName();
await anAppThatIsNeeded();
await aDeviceThatIsRemembered();
