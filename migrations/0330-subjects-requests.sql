-- owner: subjects
-- What a person asks for about themselves. While it is open it has a date and an owner; a closed one keeps both.
create table rights_requests (
  tenant_id text not null,
  request_id uuid not null,
  type text not null check (type in ('access', 'correct', 'export', 'delete', 'restrict', 'object')),
  state text not null check (state in ('identity', 'active', 'recipients', 'closed')),
  outcome text check (outcome in ('fulfilled', 'partly', 'refused', 'withdrawn')),
  -- From a closed list, where it was refused, done in part, or given more time.
  reason text,
  came_by text not null check (came_by in ('admin', 'api', 'person')),
  owner uuid not null,
  language text not null check (language in ('en', 'sv')),
  -- Names and addresses that the person is known by here, under the request's own key.
  sealed bytea not null,
  received_at timestamptz not null,
  due_at timestamptz not null,
  extended_months int not null default 0 check (extended_months between 0 and 2),
  extended_reason text,
  identity_by text,
  identity_at timestamptz,
  -- When all that names the person was looked up, by the newest run.
  collected_at timestamptz,
  runs int not null default 0,
  overdue_at timestamptz,
  -- For which date its owner was told that it is near.
  warned_for timestamptz,
  closed_at timestamptz,
  -- When its key was destroyed, and with it who asked.
  forgotten_at timestamptz,
  created_by text not null,
  revision int not null default 0,
  primary key (tenant_id, request_id),
  check ((state = 'closed') = (closed_at is not null) and (state = 'closed') = (outcome is not null))
);
select sluss_tenant_table('rights_requests', 'select, insert, update');
create index rights_requests_open on rights_requests (tenant_id, due_at) where state <> 'closed';

-- Which subjects are the person, and in which times. One that may be somebody else waits for a decision.
create table rights_links (
  tenant_id text not null,
  request_id uuid not null,
  subject_id uuid not null,
  kind text not null check (kind in ('record', 'account')),
  state text not null check (state in ('candidate', 'confirmed', 'rejected')),
  -- [from, until] in milliseconds since 1970; until null is now.
  windows jsonb not null,
  decided_by text,
  primary key (tenant_id, request_id, subject_id),
  foreign key (tenant_id, request_id) references rights_requests
);
create index rights_links_by_subject on rights_links (tenant_id, subject_id);
select sluss_tenant_table('rights_links', 'select, insert, update, delete');

create table rights_settings (
  tenant_id text not null primary key,
  look_delay_days int not null check (look_delay_days between 0 and 90),
  changed_by text not null,
  changed_at timestamptz not null
);
select sluss_tenant_table('rights_settings', 'select, insert, update');

-- A look that an investigation would be spoilt by being told of is told later, by itself.
create table rights_look_delays (
  tenant_id text not null,
  entry_id uuid not null,
  until_at timestamptz not null,
  delayed_by text not null,
  delayed_at timestamptz not null,
  primary key (tenant_id, entry_id)
);
select sluss_tenant_table('rights_look_delays', 'select, insert, update');

create table rights_corrections (
  tenant_id text not null,
  correction_id uuid not null,
  request_id uuid not null,
  subject_id uuid not null,
  item_id text not null,
  route text not null check (route in ('source', 'here')),
  state text not null check (state in ('disputed', 'corrected', 'changed', 'refused')),
  -- What stood there and what should, under the subject's key.
  sealed bytea not null,
  opened_at timestamptz not null,
  opened_by text not null,
  closed_at timestamptz,
  obligations uuid[] not null default '{}',
  primary key (tenant_id, correction_id)
);
select sluss_tenant_table('rights_corrections', 'select, insert, update, delete');
create index rights_corrections_by_subject on rights_corrections (tenant_id, subject_id);
create index rights_corrections_open on rights_corrections (tenant_id) where state = 'disputed';
create unique index rights_corrections_one on rights_corrections (tenant_id, subject_id, item_id) where state = 'disputed';

-- Where an archive may be fetched, until when. The link itself is kept as a hash.
create table rights_export_links (
  tenant_id text not null,
  link_hash text not null,
  request_id uuid not null,
  -- Items that this copy leaves out, each with the reason.
  redactions jsonb not null,
  expires_at timestamptz not null,
  made_by text not null,
  used int not null default 0,
  primary key (tenant_id, link_hash)
);
select sluss_tenant_table('rights_export_links', 'select, insert, update, delete');
