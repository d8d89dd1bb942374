// A server in front of the page's own: it writes down all that arrives, can serve a newer build, and can
// go away, as networks do.

import { createServer } from 'node:http';
import { ADDRESS } from './browser.mjs';

export class Front {
  /** What arrived: `{method, url, headers, body}`, headers as they came and the body's bytes. */
  arrived = [];
  /** Files that differ from those of the build: path inside the site -> text, or a function of the old one. */
  changed = new Map();

  static async open() {
    const front = new Front();
    front.server = createServer((request, response) => front.answer(request, response));
    await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
    front.address = ADDRESS.replace(/:\d+\//, `:${front.server.address().port}/`);
    return front;
  }

  /** From now on nobody answers. */
  close() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  async answer(request, response) {
    const body = [];
    for await (const part of request) body.push(part);
    this.arrived.push({
      method: request.method,
      url: request.url,
      headers: request.rawHeaders.join('\n'),
      body: Buffer.concat(body),
    });
    try {
      const real = await fetch(new URL(request.url, ADDRESS));
      let bytes = Buffer.from(await real.arrayBuffer());
      const change = this.changed.get(request.url.slice(new URL(ADDRESS).pathname.length));
      if (change) bytes = Buffer.from(change(bytes.toString()));
      response.writeHead(real.status, {
        'content-type': real.headers.get('content-type'),
        'content-length': bytes.length,
        'cache-control': 'no-cache',
      });
      response.end(bytes);
    } catch {
      response.destroy();
    }
  }
}
