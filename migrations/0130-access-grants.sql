-- owner: access
-- Time-boxed access of one operator account to named items of named records. A row is never deleted: history stays.
create table access_grants (
  tenant_id text not null,
  grant_id uuid not null,
  request_id uuid not null,
  case_id uuid not null,
  operator_account_id uuid not null,
  kind text not null check (kind in ('approved', 'emergency')),
  items text[] not null,
  records text[] not null,
  precision text not null check (precision in ('exact', 'masked')),
  purpose text not null,
  starts text not null check (starts in ('approval', 'firstUse')),
  approved_at timestamptz not null,
  -- The hard maximum: 8 hours, and 1 hour in an emergency. No setting goes beyond it.
  duration_ms bigint not null
    check (duration_ms > 0 and duration_ms <= case kind when 'emergency' then 3600000 else 28800000 end),
  lapses_at timestamptz not null check (lapses_at <= approved_at + interval '7 days'),
  first_used_at timestamptz,
  ends_at timestamptz,
  -- The latest time at which any node looked at it: its time never runs backwards.
  seen_at timestamptz not null,
  ended_at timestamptz,
  ended_by text,
  end_reason text check (end_reason in ('time', 'lapsed', 'revoked', 'returned', 'caseClosed')),
  primary key (tenant_id, grant_id),
  unique (tenant_id, request_id),
  check (ends_at <= coalesce(first_used_at, approved_at) + duration_ms * interval '1 millisecond'),
  check ((ended_at is null) = (ended_by is null) and (ended_at is null) = (end_reason is null)),
  check (starts = 'firstUse' or ends_at is not null)
);
create index access_grants_by_case on access_grants (tenant_id, case_id);
create index access_grants_by_operator on access_grants (operator_account_id);
create index access_grants_live on access_grants (tenant_id) where ended_at is null;
select sluss_tenant_table('access_grants', 'select, insert, update');
select sluss_enumerable('access_grants');

-- A grant only gets smaller: what was approved never changes, an end never moves out, an ended one never lives again.
create function access_grant_only_shrinks() returns trigger language plpgsql as $$
begin
  if old.ended_at is not null and new is distinct from old then
    raise exception 'an ended grant cannot change' using errcode = 'check_violation';
  end if;
  if (new.tenant_id, new.grant_id, new.request_id, new.case_id, new.operator_account_id, new.kind, new.items, new.records,
      new.precision, new.purpose, new.starts, new.approved_at, new.duration_ms, new.lapses_at)
     is distinct from
     (old.tenant_id, old.grant_id, old.request_id, old.case_id, old.operator_account_id, old.kind, old.items, old.records,
      old.precision, old.purpose, old.starts, old.approved_at, old.duration_ms, old.lapses_at)
     or (old.first_used_at is not null and new.first_used_at is distinct from old.first_used_at)
     or (old.ends_at is not null and new.ends_at is distinct from old.ends_at)
     or new.seen_at < old.seen_at then
    raise exception 'a grant cannot be widened or extended' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger only_shrinks before update on access_grants for each row execute function access_grant_only_shrinks();

-- Whose grants a job has to look after, and which grants an operator account holds: identifiers only.
create function sluss_tenants_with_live_grants() returns setof text
language sql stable security definer set search_path = public as
'select distinct g.tenant_id from access_grants g where g.ended_at is null';

create function sluss_grants_of_operator(account uuid)
returns table (tenant_id text, grant_id uuid, approved_at timestamptz)
language sql stable security definer set search_path = public as
'select g.tenant_id, g.grant_id, g.approved_at from access_grants g where g.operator_account_id = account';
