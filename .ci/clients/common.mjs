// What the stories in JavaScript share. Each takes the file that `.ci/clients.py` writes.

import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

import { generate } from "otplib";

export const facts = JSON.parse(readFileSync(process.argv[2]));
export const { temporary_password: temporary } = facts;
export const [password, another] = ["Correct-horse-7", "Correct-horse-8"];

// How things are refused.
export const wrongPassword = ["NotAuthorizedException", "Incorrect username or password."];
export const wrongConfirmation = ["CodeMismatchException", "Invalid verification code provided, please try again."];
export const wrongSentCode = ["CodeMismatchException", "Invalid code or auth state for the user."];
export const wrongShownCode = ["CodeMismatchException", "Invalid code received for user"];
export const usedShownCode = ["ExpiredCodeException", "Your software token has already been used once."];
export const wrongFirstCode = ["EnableSoftwareTokenMFAException", "Code mismatch and fail enable Software Token MFA"];
export const spentSession = ["NotAuthorizedException", "Invalid session for the user, session can only be used once."];

// It fails with this exception and message.
export async function refused([name, message], promise) {
  const outcome = await promise.then((value) => ({ value }), (error) => error);
  assert.deepEqual([outcome.name, outcome.message], [name, message], outcome.stack);
}

const had = new Set();

// The code in the oldest message to this address or number that nobody has had, once it is there.
export async function codeTo(recipient) {
  for (let tries = 0; tries < 1200; tries += 1) {
    const lines = existsSync(facts.outbox) ? readFileSync(facts.outbox, "utf8").split("\n").filter(Boolean) : [];
    const message = lines.map((line) => JSON.parse(line)).find(({ id, to }) => to === recipient && !had.has(id));
    if (message) {
      had.add(message.id);
      return message.code;
    }
    await pause(50);
  }
  throw new Error(`no message to ${recipient}`);
}

// As many other digits.
export const wrong = (code) => code.replace(/\d/g, (digit) => (Number(digit) + 5) % 10);

// What an authenticator app shows so many times thirty seconds from now.
export const shown = (secret, steps = 0) => generate({ secret, epoch: Math.floor(Date.now() / 1000) + 30 * steps });
