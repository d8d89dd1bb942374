// A server that stands in for the Hub, beside the page's own.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ADDRESS } from './browser.mjs';
import { Front } from './front.mjs';

const SITE_PATH = new URL(ADDRESS).pathname;
export const COMMIT = '451f4fe16113bff5a5d2269ed5ad43b0592e9a14';

export const PIPELINES = fileURLToPath(new URL('../golden/pipelines/', import.meta.url));

/** A folder that diffusers saved, as the Hub would have it: path -> bytes. */
export function saved(kind) {
  const root = join(PIPELINES, kind);
  const paths = readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^(expected|adapter)\./.test(entry.name))
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name));
  return Object.fromEntries(paths.map((path) => [path.slice(root.length + 1), readFileSync(path)]));
}

/** The page's server, and under `hub/` one that stands in for the Hub. */
export class HubFront extends Front {
  /** `owner/name` -> its files. */
  models = new Map();
  /** Called with a file's path and the answer's bytes: what to send instead, or how to fail. */
  spoil = () => ({});

  static async open() {
    const front = await super.open();
    Object.setPrototypeOf(front, HubFront.prototype);
    Object.assign(front, { models: new Map(), spoil: () => ({}) });
    return front;
  }

  /** What was asked of the Hub: `{path, range}`. */
  get asked() {
    return this.arrived.filter(({ url }) => url.includes('/hub/')).map(({ url, headers }) => ({
      path: decodeURIComponent(url.split('/hub/')[1]),
      range: /^range\n(.*)$/im.exec(headers)?.[1],
    }));
  }

  async answer(request, response) {
    const path = request.url.startsWith(`${SITE_PATH}hub/`) && decodeURIComponent(request.url.slice(SITE_PATH.length + 4));
    if (!path) return super.answer(request, response);
    this.arrived.push({ method: request.method, url: request.url, headers: request.rawHeaders.join('\n'), body: Buffer.alloc(0) });
    const listing = /^api\/models\/([^/]+\/[^/]+)\/revision\/[^/]+\?blobs=true$/.exec(path);
    const file = /^([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/.exec(path);
    const files = this.models.get((listing ?? file)?.[1]);
    if (!files) return response.writeHead(401, { 'x-error-code': 'RepoNotFound' }).end('{"error":"Invalid username or password."}');
    if (listing) return response.end(JSON.stringify(this.listing(files)));
    assert.equal(file[2], COMMIT, 'files are asked for at the commit that was looked at');
    const bytes = files[file[3]];
    const spoiled = this.spoil(file[3], bytes, request.headers.range);
    if (spoiled.status || !bytes) return response.writeHead(spoiled.status ?? 404).end('<html>no</html>');
    const [, first = '0', last = ''] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
    const whole = spoiled.bytes ?? bytes;
    const end = last ? Math.min(Number(last) + 1, whole.length) : whole.length;
    const part = whole.subarray(Number(first), end);
    response.writeHead(request.headers.range ? 206 : 200, {
      'content-length': part.length,
      ...(request.headers.range && { 'content-range': `bytes ${first}-${end - 1}/${whole.length}` }),
    });
    return this.send(response, part, spoiled);
  }

  listing(files) {
    const siblings = Object.entries(files).map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      ...(/\.(safetensors|bin)$/.test(rfilename) && { lfs: { sha256: createHash('sha256').update(bytes).digest('hex'), size: bytes.length } }),
    }));
    return { sha: COMMIT, gated: files.gated ?? false, cardData: { license: 'creativeml-openrail-m' }, siblings: siblings.filter(({ size }) => size) };
  }

  /** All of it, waiting `slow` milliseconds between pieces; or `cut` bytes and, after `until`, no more. */
  async send(response, bytes, { cut, until, slow }) {
    for (let at = 0; at < bytes.length; at += 250_000) {
      if (cut !== undefined && at >= cut) {
        await until?.();
        return response.destroy();
      }
      if (!response.write(bytes.subarray(at, at + 250_000))) await drained(response);
      if (slow) await new Promise((waited) => setTimeout(waited, slow));
      if (response.destroyed) return undefined;
    }
    return response.end();
  }
}

/** Until more can be written, or nobody listens any more. */
async function drained(response) {
  const given = new AbortController();
  await Promise.race(['drain', 'close'].map((event) => once(response, event, { signal: given.signal }).catch(() => {})));
  given.abort();
}
