-- owner: subjects
-- One erasure of one person. It names people by ids whose keys it destroys, and nothing else of them.
create table erasures (
  tenant_id text not null,
  erasure_id uuid not null,
  trigger text not null check (trigger in
    ('directoryDelete', 'directoryDeactivate', 'factoryReset', 'selfRemoval', 'administrator', 'tenantClosed', 'retentionEnd')),
  -- waiting: something stands in the way (`waits_for`), or its time has not come. keysDestroyed: nobody can read the
  -- person any more; the rows still go. withdrawn: taken back before anything was destroyed.
  state text not null check (state in ('waiting', 'keysDestroyed', 'erased', 'withdrawn')),
  waits_for text,
  asked_by text not null,
  asked_at timestamptz not null,
  -- When the keys go at the earliest, and when the rows have to be gone at the latest.
  starts_at timestamptz not null,
  due_at timestamptz not null,
  keys_destroyed_at timestamptz,
  erased_at timestamptz,
  -- Until when it is kept by which names the recipients know the person.
  telling_until timestamptz,
  -- Rows that went, by holder.
  removed jsonb not null default '{}',
  primary key (tenant_id, erasure_id)
);
create index erasures_open on erasures (tenant_id, starts_at) where state in ('waiting', 'keysDestroyed');
select sluss_tenant_table('erasures', 'select, insert, update, delete');
select sluss_enumerable('erasures');

create table erasure_subjects (
  tenant_id text not null,
  erasure_id uuid not null,
  subject_id uuid not null,
  primary key (tenant_id, erasure_id, subject_id),
  foreign key (tenant_id, erasure_id) references erasures on delete cascade
);
create index erasure_subjects_by_subject on erasure_subjects (tenant_id, subject_id);
select sluss_tenant_table('erasure_subjects', 'select, insert, delete');

-- Whom the ledger knows to have got something of the person. `telling` says by which names the party knows the
-- person; it is sealed under a key of the erasure's own, which is destroyed when the last recipient has answered.
create table erasure_recipients (
  tenant_id text not null,
  erasure_id uuid not null,
  party_id text not null,
  connection_id text not null,
  obligation_id uuid not null,
  -- How the party is told: by its protocol where that can delete, else by a letter.
  how text not null check (how in ('connector', 'letter')),
  telling bytea,
  told_at timestamptz,
  tries int not null default 0,
  next_try_at timestamptz,
  -- Why the last try did not reach the party.
  waits_for text,
  primary key (tenant_id, erasure_id, party_id, connection_id),
  foreign key (tenant_id, erasure_id) references erasures on delete cascade
);
create index erasure_recipients_by_obligation on erasure_recipients (tenant_id, obligation_id);
create index erasure_recipients_due on erasure_recipients (tenant_id, next_try_at) where next_try_at is not null;
select sluss_tenant_table('erasure_recipients', 'select, insert, update, delete');

-- What must not be deleted yet. Without a subject it holds everybody of the tenant. The reason is free text: sealed.
create table erasure_holds (
  tenant_id text not null,
  hold_id uuid not null,
  subject_id uuid,
  reason bytea not null,
  placed_by text not null,
  placed_at timestamptz not null,
  ends_at timestamptz,
  released_by text,
  released_at timestamptz,
  primary key (tenant_id, hold_id)
);
create index erasure_holds_by_subject on erasure_holds (tenant_id, subject_id) where released_at is null;
select sluss_tenant_table('erasure_holds', 'select, insert, update');

-- Who got what of whom, read from the log: subjects as the ledger names them. Made from it, and can be made again.
create table erasure_cursors (
  tenant_id text not null primary key,
  indexed_to bigint not null
);
select sluss_tenant_table('erasure_cursors', 'select, insert, update');
create table erasure_sent (
  tenant_id text not null,
  subject text not null,
  party_id text not null,
  connection_id text not null,
  primary key (tenant_id, subject, party_id, connection_id)
);
select sluss_tenant_table('erasure_sent', 'select, insert, delete');
-- Disclosures whose outcome has not been read yet: they count as sent, unless the outcome says that nothing left.
create table erasure_unsettled (
  tenant_id text not null,
  entry_id uuid not null,
  party_id text not null,
  connection_id text not null,
  subjects text[] not null,
  primary key (tenant_id, entry_id)
);
create index erasure_unsettled_subjects on erasure_unsettled using gin (subjects);
select sluss_tenant_table('erasure_unsettled', 'select, insert, delete');

-- When the wrapping keys were last changed so that no backup brings back who was erased before.
create table erasure_rotations (
  tenant_id text not null primary key,
  rotated_at timestamptz not null
);
select sluss_tenant_table('erasure_rotations', 'select, insert, update');

-- Tenants with work to do. Identifiers only.
create function sluss_tenants_with_erasures() returns setof text
language sql stable security definer set search_path = public as
'select distinct e.tenant_id from erasures e';
