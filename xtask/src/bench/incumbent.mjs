// Drains a queue of audit events as a plain script does: everything is read to see whether there is work, and once
// more to do it. For each event the folders are made, the file is renamed and a row is appended. Nothing is flushed.
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";

const queue = join(process.argv[2], "skill-faults");
const rows = join(process.argv[2], "analytics");

function waiting() {
  const folder = join(queue, "pending-investigations");
  const names = readdirSync(folder).filter((name) => name.endsWith(".json")).sort();
  return names.map((name) => ({ name, event: JSON.parse(readFileSync(join(folder, name), "utf8")) }));
}

const work = waiting().filter(({ event }) => event.investigate !== false).length;
for (const { name, event } of waiting()) {
  if (event.investigate !== false) continue;
  mkdirSync(join(queue, "processed"), { recursive: true });
  renameSync(join(queue, "pending-investigations", name), join(queue, "processed", name));
  mkdirSync(rows, { recursive: true });
  const { faultId, runId, stateSlug, kind, severity, timestamp } = event;
  const row = { faultId, runId, stateSlug, kind, severity, timestamp, disposition: "audit-only" };
  appendFileSync(join(rows, "skill-faults.jsonl"), JSON.stringify(row) + "\n");
}
console.log(work);
