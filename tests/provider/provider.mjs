// A real OpenID provider (npm oidc-provider) for the tests.
//
//   node provider.mjs SETTINGS.json
//
// It shows its own sign-in and consent pages and accepts any password. The tests control it over plain HTTP on the
// port `control`: they read recorded requests and logout tokens, replace keys and accounts, and inject faults.
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { randomBytes } from 'node:crypto';

import Provider from '../../.tools/oidc-provider/node_modules/oidc-provider/lib/index.js';
import { createMemoryAdapter } from '../../.tools/oidc-provider/node_modules/oidc-provider/lib/adapters/memory_adapter.js';

const settings = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const { accounts } = settings;

// Logout tokens are sent to a `localhost` subdomain, which only browsers resolve to loopback.
dns.lookup = (name, options, callback = options) => (options.all
  ? callback(null, [{ address: '127.0.0.1', family: 4 }])
  : callback(null, '127.0.0.1', 4));

/** Every answered request to an endpoint: `{route, grant, status}`. */
const requests = [];
/** Every logout token sent: `{client, sub, sid, error}`. */
const logoutTokens = [];
/** Records the codes and tokens that were issued: the lab searches logs for them. */
const recordSecrets = (...secrets) => fs.appendFileSync(settings.issued, secrets.filter(Boolean).map((secret) => `${secret}\n`).join(''));
/**
 * Injected faults by endpoint: a status, `lost` (the request is processed, the response is never sent), or changes of
 * the response after the request was processed: `{status, type, body}` replaces it, `{members}` sets members of its
 * JSON, where null removes one. With `grant`, only requests with this `grant_type` are affected. `{unless: {header,
 * text}, status, body}` responds at once to requests whose header lacks the text, and `{if: {header}, status, body}` to
 * requests with the header.
 */
const faults = {};
/** Whether new connections are closed at once. */
let down = false;

const PATHS = {
  '/.well-known/openid-configuration': 'discovery',
  '/auth': 'authorization',
  '/jwks': 'jwks',
  '/me': 'userinfo',
  '/session/end': 'end_session',
  '/token': 'token',
};

const claimNames = new Set(Object.values(accounts).flatMap(Object.keys));
// Accounts may get these later.
for (const name of ['address', 'birthdate', 'locale', 'name', 'picture', 'updated_at']) claimNames.add(name);
for (const name of ['sub', 'email', 'email_verified']) claimNames.delete(name);

const configuration = {
  // One adapter for all instances of `Provider`, so that sessions survive a change of keys.
  adapter: createMemoryAdapter(),
  claims: {
    email: ['email', 'email_verified'],
    profile: [...claimNames],
  },
  clients: settings.clients,
  conformIdTokenClaims: !settings.claims_in_id_token,
  // OpenID Connect RP-Initiated Logout 1.0, section 2: both GET and POST must be supported.
  enableHttpPostMethods: true,
  cookies: {
    long: { sameSite: 'none' },
    keys: [randomBytes(32).toString('base64')],
    // Cookies are shared between the ports of a host, so the names of two providers must differ.
    names: Object.fromEntries(['session', 'interaction', 'resume'].map((name) => [name, `_${name}_${settings.port}`])),
  },
  features: {
    backchannelLogout: { enabled: true },
    devInteractions: { enabled: true },
  },
  // The default refuses loopback addresses.
  fetch: (url, { dispatcher, ...options }) => globalThis.fetch(url, options),
  findAccount: (_, accountId) => accounts[accountId] && {
    accountId,
    claims: () => ({ ...accounts[accountId], sub: accountId }),
  },
  issueRefreshToken: async () => true,
  pkce: { required: () => true },
  rotateRefreshToken: () => true,
  ttl: settings.ttl,
};

/** Changes a response as a fault says. */
function change(ctx, { grant, status, type, body, members }) {
  if (grant && grant !== ctx.oidc?.params?.grant_type) return;
  if (members) {
    const changed = Object.entries({ ...ctx.body, ...members }).filter(([, value]) => value !== null);
    ctx.body = Object.fromEntries(changed);
  } else {
    Object.assign(ctx, { status, body });
    ctx.type = type;
  }
}

/** Whether a fault is the response to this request, which is not processed then. */
const refuses = (ctx, { unless, if: when }) => (unless && !ctx.get(unless.header).includes(unless.text))
  || (when && ctx.get(when.header) !== '');

let handle;

/** From now on, publishes these keys and signs with the first suitable one. */
function publish(keys) {
  const provider = new Provider(settings.issuer, { ...configuration, jwks: { keys } });
  provider.use(async (ctx, next) => {
    const fault = faults[PATHS[ctx.path]];
    if (typeof fault === 'number') {
      ctx.status = fault;
      ctx.body = '';
    } else if (fault?.unless || fault?.if) {
      if (refuses(ctx, fault)) Object.assign(ctx, { status: fault.status, body: fault.body });
      else await next();
    } else {
      await next();
    }
    if (fault && typeof fault === 'object' && !fault.unless && !fault.if) change(ctx, fault);
    const route = PATHS[ctx.path];
    if (settings.signs_out_without_prompt && route === 'end_session' && ctx.status === 200) {
      const { post_logout_redirect_uri: back, state } = ctx.oidc.params;
      await ctx.oidc.session.destroy();
      ctx.redirect(`${back}?state=${encodeURIComponent(state)}`);
    }
    if (route) {
      requests.push({ route, grant: ctx.oidc?.params?.grant_type ?? null, status: ctx.status });
    }
    if (fault === 'lost') {
      ctx.respond = false;
      ctx.req.socket.destroy();
    }
  });
  provider.on('backchannel.success', (_, client, sub, sid) => logoutTokens.push({ client: client.clientId, sub, sid, error: null }));
  provider.on('backchannel.error', (_, error, client, sub, sid) => logoutTokens.push({
    client: client.clientId, sub, sid, error: String(error.cause ?? error),
  }));
  provider.on('authorization.success', (_, response) => recordSecrets(response.code));
  provider.on('grant.success', (ctx) => recordSecrets(ctx.body.access_token, ctx.body.refresh_token));
  provider.on('server_error', (_, error) => console.error(error));
  handle = provider.callback();
}

const COMMANDS = {
  'GET /logout_tokens': () => logoutTokens,
  'GET /requests': () => requests,
  'POST /accounts': (changes) => { Object.assign(accounts, changes); },
  'POST /down': () => {
    down = true;
    server.closeAllConnections();
  },
  'POST /faults': (changes) => { Object.assign(faults, changes); },
  'POST /keys': publish,
  'POST /up': () => { down = false; },
};

const control = http.createServer(async (request, response) => {
  const chunks = await request.toArray();
  const command = COMMANDS[`${request.method} ${request.url}`];
  const result = command?.(JSON.parse(Buffer.concat(chunks).toString() || '{}'));
  response.statusCode = command ? 200 : 404;
  response.end(JSON.stringify(result ?? null));
});

const server = https.createServer(
  { cert: fs.readFileSync(settings.certificate), key: fs.readFileSync(settings.key) },
  (request, response) => handle(request, response),
);
server.on('connection', (socket) => { if (down) socket.destroy(); });

publish(settings.keys);
server.listen(settings.port, '127.0.0.1', () => control.listen(settings.control, '127.0.0.1'));
