// graphile-worker on PostgreSQL, with the settings its page on performance measures. ../README.md says what the roles are.

import { EventEmitter } from "node:events";
import { Logger, makeWorkerUtils, run } from "graphile-worker";

const [role, argument] = process.argv.slice(2);
// Its default logger writes a line for every job, to the stream that events go to.
const logger = new Logger(() => (level, message) => {
  if (level === "error" || level === "warning") console.error(message);
});
const preset = {
  worker: {
    connectionString: process.env.QUEUE_POSTGRES_URL,
    concurrentJobs: 24,
    maxPoolSize: 25,
    localQueue: { size: 500 },
    completeJobBatchDelay: 0,
    failJobBatchDelay: 0,
    logger,
  },
};

const now = () => Number(process.hrtime.bigint());
const say = (event, more = {}) => process.stdout.write(JSON.stringify({ event, at: now(), ...more }) + "\n");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const told = () => new Promise((done) => process.stdin.once("data", done));
const noops = (count) => Array.from({ length: count }, (_, number) => ({ identifier: "noop", payload: { number } }));

async function producer() {
  const utils = await makeWorkerUtils({ preset });
  await utils.migrate();
  return utils;
}

const roles = {
  async push(jobs) {
    const utils = await producer();
    say("ready");
    await told();
    say("begin");
    for (let first = 0; first < jobs; first += 1000) await utils.addJobs(noops(Math.min(1000, jobs - first)));
    say("end");
    await new Promise(() => setInterval(() => {}, 1e9));
  },

  async singles(jobs) {
    const utils = await producer();
    for (let number = 0; number < jobs; number++) {
      await pause(5);
      await utils.addJob("timed", { enqueued: now() });
    }
    await utils.release();
  },

  async load() {
    const utils = await producer();
    for (;;) {
      await utils.addJobs(noops(20));
      await pause(100);
    }
  },

  async sleeper() {
    const utils = await producer();
    await utils.addJob("sleeper");
    await utils.release();
  },

  async work(jobs) {
    let done = 0;
    let begun = false;
    const events = new EventEmitter();
    let utils;
    const taskList = {
      noop: async () => {
        if (!begun) {
          begun = true;
          say("begin");
        }
        if (++done === jobs) acknowledged();
      },
      timed: async ({ enqueued }) => say("timed", { enqueued }),
      sleeper: async () => {
        say("asleep");
        await pause(300_000);
      },
    };
    // Completions are written in groups after the handlers are through.
    const acknowledged = async () => {
      await pause(0);
      const left = () =>
        utils.withPgClient((client) => client.query("select 1 from graphile_worker.jobs limit 1")).then((r) => r.rowCount);
      while (await left()) await pause(2);
      say("end");
    };
    utils = await producer();
    const ready = new Promise((done) => events.once("pool:listen:success", done));
    await run({ preset, taskList, events });
    await ready;
    say("ready", { setup: "24 jobs at once, local queue of 500, completions in groups" });
  },
};

await roles[role](Number(argument));
