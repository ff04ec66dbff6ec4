-- owner: breach
-- What touched tenants are told. The installation's own rows; the words are sealed under its key.
create table breach_notices (
  tenant_id text not null,
  notice_id uuid not null,
  incident_id uuid not null,
  kind text not null check (kind in ('first', 'followUp', 'final')),
  state text not null check (state in ('draft', 'approved', 'told', 'withdrawn')),
  version int not null,
  made_at timestamptz not null,
  -- Fixed with the second approval: words and scope stay.
  approved_at timestamptz,
  scope_id uuid,
  hash text,
  told_at timestamptz,
  primary key (tenant_id, notice_id),
  check ((approved_at is null) = (hash is null) and (hash is null) = (scope_id is null))
);
create index breach_notices_of on breach_notices (tenant_id, incident_id);
select sluss_tenant_table('breach_notices', 'select, insert, update');

create function breach_notice_stays() returns trigger language plpgsql as $$
begin
  if old.hash is not null
     and (new.hash, new.version, new.scope_id, new.kind) is distinct from (old.hash, old.version, old.scope_id, old.kind) then
    raise exception 'an approved notice cannot change' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger stays before update on breach_notices for each row execute function breach_notice_stays();

create table breach_notice_versions (
  tenant_id text not null,
  notice_id uuid not null,
  version int not null,
  words bytea not null,
  written_by uuid not null,
  writer_marks text[] not null,
  written_at timestamptz not null,
  primary key (tenant_id, notice_id, version)
);
select sluss_tenant_table('breach_notice_versions', 'select, insert');

create table breach_notice_approvals (
  tenant_id text not null,
  notice_id uuid not null,
  version int not null,
  account_id uuid not null,
  marks text[] not null,
  approved_at timestamptz not null,
  primary key (tenant_id, notice_id, version, account_id)
);
select sluss_tenant_table('breach_notice_approvals', 'select, insert');

-- The tenant's copy: made once, in the commit that queues its first message.
-- telling -> acknowledged | person (every contact was tried: a person at the operator has it) -> acknowledged.
-- suite: the suite team tells it. gone: there is nobody any more.
create table breach_notice_copies (
  tenant_id text not null,
  notice_id uuid not null,
  incident_id uuid not null,
  kind text not null,
  state text not null check (state in ('telling', 'suite', 'acknowledged', 'person', 'gone')),
  -- The last step that was taken; none yet: -1.
  step int not null,
  next_at timestamptz,
  hash text not null,
  made_at timestamptz not null,
  acknowledged_at timestamptz,
  acknowledged_by text,
  primary key (tenant_id, notice_id)
);
create index breach_notice_copies_due on breach_notice_copies (next_at, tenant_id) where next_at is not null;
create index breach_notice_copies_of on breach_notice_copies (incident_id, tenant_id);
select sluss_tenant_table('breach_notice_copies', 'select, insert, update');
select sluss_enumerable('breach_notice_copies');

-- One row a step and tenant: what makes it impossible to take a step twice. `sent_id` is the message of the step.
create table breach_notice_steps (
  tenant_id text not null,
  notice_id uuid not null,
  step int not null,
  sent_id uuid not null,
  because text not null,
  taken_at timestamptz not null,
  primary key (tenant_id, notice_id, step)
);
create index breach_notice_steps_sent on breach_notice_steps (tenant_id, sent_id);
select sluss_tenant_table('breach_notice_steps', 'select, insert');

-- Tenants that a notice is for and that have no copy of it, after the given one: a first notice for whom the scope touches
-- and who has none of this incident; any other also for whoever had one.
create function sluss_breach_untold(notice uuid, incident uuid, scope uuid, kind text, after text, most int) returns setof text
language sql stable security definer set search_path = public as $$
  select w.id from (
    select t.tenant_id as id from breach_touched t
     where t.incident_id = incident and t.scope_id = scope and t.is_touched and t.tenant_id > after
    union
    select c.tenant_id from breach_notice_copies c
     where c.incident_id = incident and sluss_breach_untold.kind <> 'first' and c.tenant_id > after) w
   where not exists (select from breach_notice_copies c
           where c.tenant_id = w.id and c.incident_id = incident
             and (c.notice_id = notice or (sluss_breach_untold.kind = 'first' and c.kind = 'first')))
   order by w.id limit most
$$;

create function sluss_breach_due_copies(at timestamptz, most int) returns table (tenant_id text, notice_id uuid, incident_id uuid)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.notice_id, c.incident_id from breach_notice_copies c where c.next_at <= at order by c.next_at, c.tenant_id limit most';

create function sluss_breach_copies(notice uuid)
returns table (tenant_id text, notice_id uuid, state text, step int, next_at timestamptz, hash text, made_at timestamptz,
  acknowledged_at timestamptz)
language sql stable security definer set search_path = public as $$
  select c.tenant_id, c.notice_id, c.state, c.step, c.next_at, c.hash, c.made_at, c.acknowledged_at
    from breach_notice_copies c where c.notice_id = notice order by 1
$$;
