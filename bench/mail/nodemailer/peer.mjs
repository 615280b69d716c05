// nodemailer with its pool, and a row a mail in PostgreSQL: `node peer.mjs DATABASE PORT MAILS CONNECTIONS LETTER` prints JSON.
// LETTER is a file of JSON: subject, html and text, with %NAME% and %LINK% where they differ.

import { readFileSync } from "node:fs";

import nodemailer from "nodemailer";
import pg from "pg";

const [database, port, mails, connections, letter] = process.argv.slice(2);
const { subject, html, text } = JSON.parse(readFileSync(letter, "utf8"));
const rows = new pg.Pool({ connectionString: database, max: 10 });
const post = nodemailer.createTransport({
  host: "127.0.0.1", port: Number(port), secure: false, ignoreTLS: true, pool: true, maxConnections: Number(connections), maxMessages: Infinity,
});

await rows.query("drop table if exists mails");
await rows.query("create table mails (id integer primary key, name text not null, address text not null, link text not null, state text not null, said text)");
const begun = process.hrtime.bigint();
await rows.query(
  `insert into mails (id, name, address, link, state)
   select n, 'Person ' || n, 'person' || n || '@example.com', 'https://example.com/unsubscribe/' || lpad(to_hex(n), 32, '0'), 'pending'
   from generate_series(0, $1::integer - 1) as n`,
  [mails],
);
const { rows: waiting } = await rows.query("select id, name, address, link from mails order by id");

async function work() {
  for (let row = waiting.pop(); row; row = waiting.pop()) {
    const filled = (part) => part.replaceAll("%NAME%", row.name).replaceAll("%LINK%", row.link);
    const mail = { from: "Example Agency <news@example.com>", to: row.address, subject: filled(subject), text: filled(text), html: filled(html) };
    const { response } = await post.sendMail(mail);
    await rows.query("update mails set state = 'sent', said = $2 where id = $1", [row.id, response]);
  }
}

// Twice as many as there are connections, so that each of them always has a mail.
await Promise.all(Array.from({ length: 2 * Number(connections) }, work));
const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
const { rows: [{ sent }] } = await rows.query("select count(*)::integer as sent from mails where state = 'sent'");
post.close();
await rows.end();
process.stdout.write(JSON.stringify({ seconds, sent }) + "\n");
