// BullMQ on Redis: one worker, 100 jobs at a time. ../README.md says what the roles are.

import { Queue, Worker } from "bullmq";

const CONCURRENCY = 100;
const NAME = "bench";

const [role, argument] = process.argv.slice(2);
const connection = { url: process.env.QUEUE_REDIS_URL, maxRetriesPerRequest: null };
// Finished jobs are kept for ever by default; nobody runs it so.
const opts = { removeOnComplete: true };

const now = () => Number(process.hrtime.bigint());
const say = (event, more = {}) => process.stdout.write(JSON.stringify({ event, at: now(), ...more }) + "\n");
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const told = () => new Promise((done) => process.stdin.once("data", done));
const noops = (count) => Array.from({ length: count }, (_, number) => ({ name: "noop", data: { number }, opts }));

async function producer() {
  const queue = new Queue(NAME, { connection });
  await queue.waitUntilReady();
  return queue;
}

const roles = {
  async push(jobs) {
    const queue = await producer();
    say("ready");
    await told();
    say("begin");
    for (let first = 0; first < jobs; first += 1000) await queue.addBulk(noops(Math.min(1000, jobs - first)));
    say("end");
    await new Promise(() => setInterval(() => {}, 1e9));
  },

  async singles(jobs) {
    const queue = await producer();
    for (let number = 0; number < jobs; number++) {
      await pause(5);
      await queue.add("timed", { enqueued: now() }, opts);
    }
    await queue.close();
  },

  async load() {
    const queue = await producer();
    for (;;) {
      await queue.addBulk(noops(20));
      await pause(100);
    }
  },

  async sleeper() {
    const queue = await producer();
    await queue.add("sleeper", {}, opts);
    await queue.close();
  },

  async work(jobs) {
    let begun = false;
    let done = 0;
    const handle = async (job) => {
      if (job.name === "timed") {
        say("timed", { enqueued: job.data.enqueued });
      } else if (job.name === "sleeper") {
        say("asleep");
        await pause(300_000);
      } else if (!begun) {
        begun = true;
        say("begin");
      }
    };
    const worker = new Worker(NAME, handle, { connection, concurrency: CONCURRENCY });
    worker.on("completed", (job) => {
      if (job.name === "noop" && ++done === jobs) say("end");
    });
    worker.on("error", (error) => console.error(error));
    await worker.waitUntilReady();
    say("ready", { setup: `one worker, concurrency ${CONCURRENCY}` });
  },
};

await roles[role](Number(argument));
