/** Audits a server against GraphQL over HTTP: `node audit.mjs PACKAGE URL` prints what is not fulfilled, and how many are. */
import { createRequire } from "node:module";

const [where, url] = process.argv.slice(2);
const { serverAudits } = createRequire(where + "/")("graphql-http");
const results = await Promise.all(serverAudits({ url }).map(async (audit) => [audit, await audit.fn()]));
for (const [audit, result] of results.filter(([, result]) => result.status !== "ok")) {
  console.log(`${audit.id} ${audit.name}: ${result.reason}`);
}
console.log(`${results.filter(([, result]) => result.status === "ok").length} of ${results.length}`);
