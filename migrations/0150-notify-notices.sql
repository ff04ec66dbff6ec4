-- owner: notify
-- A notice stands here from the commit of what it tells of. Whom it is for is worked out when it is sent.
create table notices (
  tenant_id text not null,
  notice_id uuid not null,
  template text not null,
  audiences text[] not null,
  -- Identifiers and times only.
  about jsonb not null,
  queued_at timestamptz not null,
  due_at timestamptz not null,
  -- When to send it no more: what it asks for is over.
  useful_until timestamptz,
  state text not null default 'queued' check (state in ('queued', 'resolved')),
  primary key (tenant_id, notice_id)
);
select sluss_tenant_table('notices', 'select, insert, update');
select sluss_enumerable('notices');
create index notices_queued on notices (tenant_id, due_at) where state = 'queued';

-- One row for each recipient and channel: the claim that makes it impossible to send there twice at once.
-- waiting -> sending (its entry is durable, bytes may leave) -> sent | waiting | failed; waiting -> refused.
create table notice_sends (
  tenant_id text not null,
  notice_id uuid not null,
  -- An account's id, `privacyContact` or `webhook`.
  recipient text not null,
  channel text not null check (channel in ('messageCentre', 'mail', 'webhook')),
  state text not null check (state in ('waiting', 'sending', 'sent', 'failed', 'refused')),
  attempts int not null default 0,
  -- Attempts whose outcome nobody saw.
  unknowns int not null default 0,
  first_at timestamptz not null,
  next_attempt_at timestamptz not null,
  -- The entry of the attempt under way, which is the claim as well.
  claim_id uuid,
  node_id text,
  claimed_at timestamptz,
  done_at timestamptz,
  read_at timestamptz,
  primary key (tenant_id, notice_id, recipient, channel)
);
select sluss_tenant_table('notice_sends', 'select, insert, update');
select sluss_enumerable('notice_sends');
create index notice_sends_open on notice_sends (tenant_id, next_attempt_at) where state in ('waiting', 'sending');
create index notice_sends_messages on notice_sends (tenant_id, recipient, done_at) where channel = 'messageCentre';

-- Which tenants have something to send, or something left by a node that died. Identifiers only.
create function sluss_tenants_with_notices(at timestamptz, stale timestamptz, nodes text[]) returns setof text
language sql stable security definer set search_path = public as
'select n.tenant_id from notices n where n.state = ''queued'' and n.due_at <= at
  union
 select s.tenant_id from notice_sends s
  where (s.state = ''waiting'' and s.next_attempt_at <= at)
     or (s.state = ''sending'' and (s.claimed_at <= stale or s.node_id = any(nodes)))';

-- A tenant's choice of channels. Under the tenant id of the installation: the operator's, for all.
create table notice_settings (
  tenant_id text not null,
  mail_on boolean not null default true,
  approver_mail_on boolean not null default true,
  webhook_on boolean not null default false,
  -- Sealed under the tenant's key, as are the secrets.
  webhook_url bytea,
  webhook_secret bytea,
  -- Signs beside the new one until its time is over, so that a change of secrets loses nothing.
  webhook_old_secret bytea,
  webhook_old_until timestamptz,
  language text not null default 'en' check (language in ('en', 'sv')),
  time_zone text not null default 'UTC',
  changed_at timestamptz not null,
  primary key (tenant_id)
);
select sluss_tenant_table('notice_settings', 'select, insert, update');
