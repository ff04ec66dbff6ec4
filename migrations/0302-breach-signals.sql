-- owner: breach
-- What may be an incident: found by a rule, or told by somebody. Identifiers and numbers; words of people are sealed.
-- A signal opens and declares nothing by itself.
create table breach_signals (
  tenant_id text not null,
  signal_id uuid not null,
  source text not null check (source in ('rule', 'recipient', 'agent', 'manual')),
  rule text,
  -- Of a rule's finding: the same finding is one signal, however often the rule runs.
  finding_key text,
  about_tenant text,
  actor text,
  party text,
  from_at timestamptz not null,
  to_at timestamptz not null,
  measured jsonb not null,
  note bytea,
  raised_by text not null,
  raised_at timestamptz not null,
  state text not null default 'new' check (state in ('new', 'attached', 'dismissed')),
  incident_id uuid,
  settled_by text,
  settled_at timestamptz,
  primary key (tenant_id, signal_id),
  check ((source = 'rule') = (rule is not null))
);
create unique index breach_signals_once on breach_signals (tenant_id, finding_key) where finding_key is not null;
create index breach_signals_new on breach_signals (tenant_id, raised_at) where state = 'new';
select sluss_tenant_table('breach_signals', 'select, insert, update');

-- Decoys: records that nobody has a reason to look at, by the name that the tenant's ledger has for the subject.
create table breach_decoys (
  tenant_id text not null,
  subject text not null,
  set_by text not null,
  set_at timestamptz not null,
  primary key (tenant_id, subject)
);
select sluss_tenant_table('breach_decoys', 'select, insert, delete');
