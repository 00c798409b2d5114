// A Lambda handler, unchanged, behind an endpoint: node shim.mjs FILE [PORT]
//
// FILE exports `handler`, as an ES module or a CommonJS one; it may be async or call back. With TRIGGER_SECRET in the
// environment, callers must send it as a bearer. Listens on this machine alone.
import { createServer } from "node:http";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [file, port = "8080"] = process.argv.slice(2);
const loaded = await import(pathToFileURL(resolve(file)));
const handler = loaded.handler ?? loaded.default.handler;
const expected = process.env.TRIGGER_SECRET && `Bearer ${process.env.TRIGGER_SECRET}`;

const run = (event) => new Promise((done, failed) => {
  const returned = handler(event, {}, (error, answer) => (error ? failed(error) : done(answer)));
  if (returned?.then) returned.then(done, failed);
});

createServer(async (request, response) => {
  if (expected && request.headers.authorization !== expected) return response.writeHead(401).end();
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  try {
    response.end(JSON.stringify(await run(JSON.parse(body))));
  } catch (error) {
    const told = { errorMessage: error?.message ?? String(error), errorType: error?.name ?? "Error" };
    response.writeHead(200, { "x-amz-function-error": "Unhandled" }).end(JSON.stringify(told));
  }
}).listen(Number(port), "127.0.0.1");
