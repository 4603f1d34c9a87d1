/** Kaïros as a test sees it without a browser: straight at the origin, past every cache. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

export const KAIROS_URL = required("KAIROS_URL");
export const ORIGIN_URL = required("KAIROS_ORIGIN_URL");

/** A learner nobody else uses. */
export async function newLearner() {
  const email = `learner-${randomUUID()}@example.org`;
  const password = randomUUID();
  const grant = await send("POST", "/v1/auth/register", { email, display_name: "Test Learner", password });
  return { email, password, id: grant.profile.id };
}

/** An access token of the account. */
export async function tokenOf({ email, password }) {
  return (await send("POST", "/v1/auth/login", { email, password })).access_token;
}

/** A token that may publish. */
export function authorToken() {
  return tokenOf({ email: required("KAIROS_AUTHOR_EMAIL"), password: required("KAIROS_AUTHOR_PASSWORD") });
}

/** Publishes a module that no other test knows. */
export async function publish(token, fields) {
  const draft = { slug: `test-${randomUUID()}`, subject: "Tests", difficulty: "beginner", status: "published", ...fields };
  await send("POST", "/v1/modules", draft, token);
  return draft;
}

export async function firstModule() {
  return (await send("GET", "/v1/modules?limit=1")).items[0];
}

/** The JSON that the origin answers with; fails unless that is a success. */
export async function send(method, path, body, token) {
  const response = await fetch(ORIGIN_URL + path, {
    method,
    headers: { ...(body && { "content-type": "application/json" }), ...(token && { authorization: `Bearer ${token}` }) },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`);
  return text === "" ? undefined : JSON.parse(text);
}

function required(name) {
  const value = process.env[name];
  assert.ok(value, `${name} is not set: run these tests with cargo xtask test`);
  return value.replace(/\/$/, "");
}
