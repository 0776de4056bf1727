// A real OpenID provider on loopback for the tests: node oidc_provider.mjs FOLDER PORT REDIRECT_URI
// FOLDER is where `npm install oidc-provider` was run. Any login and password come in; claims follow from the login.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const [folder, port, redirect] = process.argv.slice(2);
const require = createRequire(pathToFileURL(`${folder}/package.json`));
const { default: Provider } = await import(pathToFileURL(require.resolve('oidc-provider')).href);

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    { client_id: 'codman', client_secret: 'a-secret-of-the-tests', redirect_uris: [redirect] },
    { client_id: 'codman-public', token_endpoint_auth_method: 'none', redirect_uris: [redirect] },
  ],
  pkce: { required: () => true },
  conformIdTokenClaims: false,
  claims: { openid: ['sub', 'auth_time'], email: ['email', 'email_verified'], profile: ['name'] },
  cookies: { keys: ['only for tests'] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      email: `${id.replace('unverified-', '')}@example.org`,
      email_verified: !id.startsWith('unverified-'),
      name: `engineer ${id}`,
    }),
  }),
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
