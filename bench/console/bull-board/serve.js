// Bull-board over as many jobs as Herald has: `node serve.js fill N` adds them, `node serve.js PORT` serves the pages.
import { createBullBoard } from "@bull-board/api";
import { BullMQAdapter } from "@bull-board/api/bullMQAdapter";
import { ExpressAdapter } from "@bull-board/express";
import { Queue } from "bullmq";
import express from "express";

const AT_ONCE = 5000;
const address = new URL(process.env.BENCH_REDIS);
const connection = {
  host: address.hostname, port: Number(address.port), username: address.username, password: address.password,
  db: Number(address.pathname.slice(1)),
};
const queue = new Queue("invitations", { connection });

if (process.argv[2] === "fill") {
  const many = Number(process.argv[3]);
  for (let from = 0; from < many; from += AT_ONCE) {
    const jobs = Array.from({ length: Math.min(AT_ONCE, many - from) }, (_, at) => ({
      name: "invitation.render", data: { invitation_id: String(from + at) },
    }));
    await queue.addBulk(jobs);
  }
  await queue.close();
} else {
  const server = new ExpressAdapter();
  server.setBasePath("/board");
  createBullBoard({ queues: [new BullMQAdapter(queue)], serverAdapter: server });
  express().use("/board", server.getRouter()).listen(Number(process.argv[2]), "127.0.0.1");
}
