-- owner: agreements
-- What a recipient owes a tenant. A row is never deleted; `overdue_at` says when it was found to be late.
create table obligations (
  tenant_id text not null,
  obligation_id uuid not null,
  party_id text not null,
  kind text not null check (kind in ('deletion', 'correction', 'breach')),
  opened_by text not null,
  opened_at timestamptz not null,
  due_at timestamptz not null,
  state text not null default 'open' check (state in ('open', 'receipt', 'refused')),
  overdue_at timestamptz,
  -- SHA-256 of the receipt or of the refusal, hex.
  evidence_hash text,
  closed_by text,
  closed_at timestamptz,
  primary key (tenant_id, obligation_id)
);
select sluss_tenant_table('obligations', 'select, insert, update');
create index obligations_open on obligations (tenant_id, due_at) where state = 'open' and overdue_at is null;

create table off_boardings (
  tenant_id text not null,
  off_boarding_id uuid not null,
  feature_id text not null,
  started_by text not null,
  started_at timestamptz not null,
  completed_at timestamptz,
  primary key (tenant_id, off_boarding_id)
);
select sluss_tenant_table('off_boardings', 'select, insert, update');
create unique index off_boardings_open on off_boardings (tenant_id, feature_id) where completed_at is null;

create table off_boarding_steps (
  tenant_id text not null,
  off_boarding_id uuid not null,
  position int not null,
  step_id text not null,
  kind text not null,
  subject text not null,
  done_by_side text not null check (done_by_side in ('sluss', 'organisation', 'party')),
  state text not null check (state in ('waiting', 'done', 'refused', 'notNeeded')),
  obligation_id uuid,
  evidence_hash text,
  done_by text,
  done_at timestamptz,
  primary key (tenant_id, off_boarding_id, step_id),
  foreign key (tenant_id, off_boarding_id) references off_boardings
);
select sluss_tenant_table('off_boarding_steps', 'select, insert, update');
