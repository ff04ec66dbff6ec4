-- owner: access
-- A tenant's own people and services; the operator's staff are the accounts of tenant `installation`.
create table accounts (
  tenant_id text not null,
  account_id uuid not null,
  kind text not null check (kind in ('person', 'service')),
  -- An erased account keeps its row, without a key that opens its names.
  state text not null default 'active' check (state in ('active', 'disabled', 'erased')),
  -- Name and mail address, under the account's own key.
  sealed bytea not null,
  login_blind text,
  language text not null default 'en' check (language in ('en', 'sv')),
  -- All groups that count: those an admin set and those the provider said at the last sign-in.
  groups text[] not null default '{}',
  own_groups text[] not null default '{}',
  person_marks text[] not null default '{}',
  -- What was signed in before this counts no more.
  tokens_valid_from timestamptz,
  created_at timestamptz not null,
  primary key (tenant_id, account_id)
);
select sluss_tenant_table('accounts', 'select, insert, update');
create unique index accounts_by_login on accounts (tenant_id, login_blind) where login_blind is not null;
create index accounts_by_group on accounts using gin (groups);

-- Who an account is at the tenant's own provider; the subject only as a keyed hash.
create table account_identities (
  tenant_id text not null,
  provider_id uuid not null,
  subject_blind text not null,
  account_id uuid not null,
  linked_at timestamptz not null,
  primary key (tenant_id, provider_id, subject_blind)
);
select sluss_tenant_table('account_identities', 'select, insert, update, delete');
create unique index account_identities_by_account on account_identities (tenant_id, provider_id, account_id);

create table identity_providers (
  tenant_id text not null,
  provider_id uuid not null,
  title text not null,
  issuer text not null,
  client_id text not null,
  client_secret bytea,
  groups_claim text,
  roles_claim text,
  mail_domains text[] not null default '{}',
  creates_accounts boolean not null default false,
  enabled boolean not null default true,
  created_at timestamptz not null,
  primary key (tenant_id, provider_id)
);
select sluss_tenant_table('identity_providers', 'select, insert, update');

create table passkeys (
  tenant_id text not null,
  -- The credential's id, base64url.
  passkey_id text not null,
  account_id uuid not null,
  public_key bytea not null,
  counter bigint not null,
  transports text[] not null,
  -- What its owner calls it, under the account's own key.
  name bytea not null,
  registered_at timestamptz not null,
  used_at timestamptz,
  removed_at timestamptz,
  primary key (tenant_id, passkey_id)
);
select sluss_tenant_table('passkeys', 'select, insert, update');
create index passkeys_by_account on passkeys (tenant_id, account_id);
select sluss_enumerable('passkeys');

-- Whose a passkey is: a sign-in with one names no tenant.
create function sluss_passkey_tenant(id text, account uuid) returns text
language sql stable security definer set search_path = public as
'select p.tenant_id from passkeys p where p.passkey_id = id and p.account_id = account and p.removed_at is null';
create index passkeys_by_id on passkeys (passkey_id);

-- Keys that people sign approvals with. A removed key stays, so that what it signed can be checked.
create table account_signing_keys (
  tenant_id text not null,
  key_id text not null,
  account_id uuid not null,
  kind text not null check (kind in ('passkey', 'ed25519')),
  public_key bytea not null,
  registered_at timestamptz not null,
  removed_at timestamptz,
  primary key (tenant_id, key_id)
);
select sluss_tenant_table('account_signing_keys', 'select, insert, update');
create index account_signing_keys_by_account on account_signing_keys (tenant_id, account_id);

create table one_time_links (
  tenant_id text not null,
  link_hash text not null,
  account_id uuid not null,
  purpose text not null check (purpose in ('firstAdmin', 'invitation', 'recovery')),
  created_by text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  primary key (tenant_id, link_hash)
);
select sluss_tenant_table('one_time_links', 'select, insert, update, delete');

-- What a sign-in or a passkey ceremony must remember between two requests; taken out by being deleted.
create table ceremonies (
  tenant_id text not null,
  ceremony_hash text not null,
  kind text not null,
  sealed bytea not null,
  expires_at timestamptz not null,
  primary key (tenant_id, ceremony_hash)
);
select sluss_tenant_table('ceremonies', 'select, insert, delete');
create index ceremonies_by_expiry on ceremonies (tenant_id, expires_at);

-- Secrets of service principals, as hashes of 32 random bytes; two may be valid at once.
create table service_secrets (
  tenant_id text not null,
  account_id uuid not null,
  secret_id uuid not null,
  secret_hash text not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  removed_at timestamptz,
  primary key (tenant_id, account_id, secret_id)
);
select sluss_tenant_table('service_secrets', 'select, insert, update');

-- The issuer's own rows: codes, sessions, refresh tokens. Keyed by hashes of what their holders hold.
create table oidc_store (
  tenant_id text not null,
  model text not null,
  id_hash text not null,
  sealed bytea not null,
  grant_hash text,
  user_code_hash text,
  uid_hash text,
  consumed_at timestamptz,
  expires_at timestamptz,
  primary key (tenant_id, model, id_hash)
);
select sluss_tenant_table('oidc_store', 'select, insert, update, delete');
create index oidc_store_by_grant on oidc_store (tenant_id, grant_hash) where grant_hash is not null;
create index oidc_store_by_user_code on oidc_store (tenant_id, user_code_hash) where user_code_hash is not null;
create index oidc_store_by_uid on oidc_store (tenant_id, uid_hash) where uid_hash is not null;
create index oidc_store_by_expiry on oidc_store (tenant_id, expires_at);
