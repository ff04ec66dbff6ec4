-- owner: breach
-- Incidents are the installation's own: these rows stand under its tenant id, and free text is sealed under its key.
create table breach_incidents (
  tenant_id text not null,
  incident_id uuid not null,
  title bytea not null,
  phase text not null check (phase in ('detect', 'assess', 'diagnose', 'stabilise', 'close')),
  state text not null check (state in ('open', 'closed', 'merged', 'retracted')),
  class text not null check (class in ('unclassified', 'falsePositive', 'securityIncident', 'customerReportable', 'privacyBreach')),
  impact text not null check (impact in ('unknown', 'none', 'privacyBreach', 'proprietaryBreach', 'integrityLoss')),
  -- From when it is counted as known here.
  detected_at timestamptz not null,
  opened_by text not null,
  opened_at timestamptz not null,
  declared_at timestamptz,
  declared_by uuid,
  declarer_marks text[] not null default '{}',
  ground text check (ground in ('accessHappened', 'accessVeryLikely', 'lawDemands', 'contractDemands')),
  merged_into uuid,
  ended_at timestamptz,
  post_mortem boolean not null default false,
  scope_id uuid,
  -- Each change of the record raises it.
  version int not null,
  primary key (tenant_id, incident_id),
  check ((declared_at is null) = (ground is null))
);
select sluss_tenant_table('breach_incidents', 'select, insert, update');

-- The clock starts once and what it started from stays.
create function breach_incident_stays() returns trigger language plpgsql as $$
begin
  if old.state in ('merged', 'retracted') then
    raise exception 'an incident that was merged or retracted cannot change' using errcode = 'check_violation';
  end if;
  if old.declared_at is not null and (new.declared_at is null or new.declared_at > old.declared_at) then
    raise exception 'a declaration cannot be taken back or moved later' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger stays before update on breach_incidents for each row execute function breach_incident_stays();

-- The timeline: what happened, who did it, and what they said of it. Never changed, never deleted.
create table breach_timeline (
  tenant_id text not null,
  incident_id uuid not null,
  event_id uuid not null,
  -- When it happened, as told; `recorded_at` is when it was told.
  at timestamptz not null,
  recorded_at timestamptz not null,
  actor text not null,
  kind text not null,
  -- Identifiers only.
  about jsonb not null,
  note bytea,
  primary key (tenant_id, incident_id, event_id)
);
create index breach_timeline_in_order on breach_timeline (tenant_id, incident_id, at);
select sluss_tenant_table('breach_timeline', 'select, insert');

-- People who work on it.
create table breach_people (
  tenant_id text not null,
  incident_id uuid not null,
  account_id uuid not null,
  duty text not null check (duty in ('lead', 'responder', 'engineer', 'communications', 'legal', 'executive')),
  added_at timestamptz not null,
  primary key (tenant_id, incident_id, account_id, duty)
);
select sluss_tenant_table('breach_people', 'select, insert, delete');

-- An exception stops the operator's clock only once a second person has cleared it, and only for its time.
create table breach_pauses (
  tenant_id text not null,
  incident_id uuid not null,
  pause_id uuid not null,
  exception text not null check (exception in ('tipOff', 'clearedByLegal')),
  asked_by uuid not null,
  asker_marks text[] not null,
  asked_at timestamptz not null,
  hours int not null check (hours between 1 and 72),
  cleared_by uuid,
  from_at timestamptz,
  until_at timestamptz,
  primary key (tenant_id, incident_id, pause_id)
);
select sluss_tenant_table('breach_pauses', 'select, insert, update');

-- What the scope begins from.
create table breach_criteria (
  tenant_id text not null,
  incident_id uuid not null,
  criterion_id uuid not null,
  criterion jsonb not null,
  added_by text not null,
  added_at timestamptz not null,
  removed_at timestamptz,
  primary key (tenant_id, incident_id, criterion_id)
);
select sluss_tenant_table('breach_criteria', 'select, insert, update');

-- One computation. It stays `running` until every touched tenant has its row; whoever finds it so goes on with it.
create table breach_scopes (
  tenant_id text not null,
  incident_id uuid not null,
  scope_id uuid not null,
  state text not null check (state in ('running', 'done')),
  computed_by text not null,
  computed_at timestamptz not null,
  -- Probes, and up to which size each log was looked at.
  probes jsonb not null,
  complete_to jsonb not null,
  previous uuid,
  tenants int not null,
  subjects int not null,
  records int not null,
  primary key (tenant_id, incident_id, scope_id)
);
create unique index breach_scopes_one_running on breach_scopes (tenant_id, incident_id) where state = 'running';
select sluss_tenant_table('breach_scopes', 'select, insert, update');

-- The tenant's own part, in the tenant's own rows: counts and identifiers; its records are looked up anew from its log.
create table breach_touched (
  tenant_id text not null,
  incident_id uuid not null,
  scope_id uuid not null,
  is_touched boolean not null,
  must_be_told boolean not null,
  change text not null,
  complete_to bigint not null,
  entries bigint not null,
  subjects int not null,
  records int not null,
  items jsonb not null,
  excluded_entries bigint not null,
  unattributed bigint not null,
  first_at timestamptz,
  last_at timestamptz,
  -- SHA-256 of the packet.
  packet_hash text not null,
  written_at timestamptz not null,
  primary key (tenant_id, incident_id, scope_id)
);
select sluss_tenant_table('breach_touched', 'select, insert');
select sluss_enumerable('breach_touched');

-- The tenant's own 72 hours run from here: the first delivery or acknowledgement, whichever comes first.
create table breach_awareness (
  tenant_id text not null,
  incident_id uuid not null,
  aware_at timestamptz not null,
  how text not null check (how in ('delivered', 'acknowledged')),
  primary key (tenant_id, incident_id)
);
select sluss_tenant_table('breach_awareness', 'select, insert, update');
select sluss_enumerable('breach_awareness');

create function sluss_breach_touched(incident uuid)
returns table (tenant_id text, scope_id uuid, is_touched boolean, must_be_told boolean, change text, complete_to bigint,
  entries bigint, subjects int, records int, excluded_entries bigint, unattributed bigint, first_at timestamptz,
  last_at timestamptz, packet_hash text, written_at timestamptz)
language sql stable security definer set search_path = public as $$
  select t.tenant_id, t.scope_id, t.is_touched, t.must_be_told, t.change, t.complete_to, t.entries, t.subjects,
         t.records, t.excluded_entries, t.unattributed, t.first_at, t.last_at, t.packet_hash, t.written_at
    from breach_touched t where t.incident_id = incident
$$;

-- What the tenant's log says of the incident already: the id of a scope, or how it ended. Written with the entry.
create table breach_published (
  tenant_id text not null,
  incident_id uuid not null,
  what text not null,
  published_at timestamptz not null,
  primary key (tenant_id, incident_id, what)
);
select sluss_tenant_table('breach_published', 'select, insert');
select sluss_enumerable('breach_published');

-- Tenants that a scope touched, or no longer touches, and whose log does not say so yet.
create function sluss_breach_unpublished(incident uuid, scope uuid) returns setof text
language sql stable security definer set search_path = public as $$
  select t.tenant_id from breach_touched t
   where t.incident_id = incident and t.scope_id = scope
     and (t.is_touched or exists (select from breach_published b
            where b.tenant_id = t.tenant_id and b.incident_id = t.incident_id))
     and not exists (select from breach_published p
            where p.tenant_id = t.tenant_id and p.incident_id = t.incident_id and p.what = t.scope_id::text)
$$;

-- Tenants whose log speaks of the incident and does not say yet how it ended.
create function sluss_breach_unended(incident uuid, ended text) returns setof text
language sql stable security definer set search_path = public as $$
  select distinct b.tenant_id from breach_published b
   where b.incident_id = incident
     and not exists (select from breach_published p
            where p.tenant_id = b.tenant_id and p.incident_id = b.incident_id and p.what = ended)
$$;

create function sluss_breach_aware(incident uuid) returns table (tenant_id text, aware_at timestamptz, how text)
language sql stable security definer set search_path = public as
'select a.tenant_id, a.aware_at, a.how from breach_awareness a where a.incident_id = incident';
