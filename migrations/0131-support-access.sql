-- owner: support
create table support_settings (
  tenant_id text not null primary key,
  answer_hours int not null check (answer_hours between 1 and 96),
  starts text not null check (starts in ('approval', 'firstUse')),
  lapse_hours int not null check (lapse_hours between 1 and 168),
  changed_by text not null,
  changed_at timestamptz not null
);
select sluss_tenant_table('support_settings', 'select, insert, update');

-- Free text is sealed under the tenant's key.
create table support_cases (
  tenant_id text not null,
  case_id uuid not null,
  reference bytea not null,
  title bytea not null,
  opened_by text not null,
  opened_at timestamptz not null,
  closed_at timestamptz,
  closed_by text,
  primary key (tenant_id, case_id)
);
select sluss_tenant_table('support_cases', 'select, insert, update');

-- Never deleted: what was asked and answered stays readable.
create table support_requests (
  tenant_id text not null,
  request_id uuid not null,
  case_id uuid not null,
  -- The grant that an approval would make: its id is part of what the approver signs.
  grant_id uuid not null,
  asker uuid not null,
  asker_marks text[] not null,
  state text not null check (state in ('created', 'providerApproved', 'customerNotified', 'approved', 'denied', 'expired', 'cancelled')),
  scope_kind text not null check (scope_kind in ('records', 'people', 'query')),
  scope bytea not null,
  items text[] not null,
  precision text not null check (precision in ('exact', 'masked')),
  purpose text not null,
  duration_ms bigint not null check (duration_ms > 0 and duration_ms <= 28800000),
  reason bytea not null,
  nonce text not null,
  answer_ms bigint not null,
  created_at timestamptz not null,
  expires_at timestamptz not null,
  -- The latest time at which any node looked at it, while it is open.
  seen_at timestamptz not null,
  provider_approved_by uuid,
  provider_marks text[] not null default '{}',
  provider_approved_at timestamptz,
  notified_at timestamptz,
  decided_by text,
  decided_at timestamptz,
  denial bytea,
  primary key (tenant_id, request_id),
  foreign key (tenant_id, case_id) references support_cases
);
create index support_requests_by_case on support_requests (tenant_id, case_id);
create index support_requests_by_asker on support_requests (asker);
create index support_requests_open on support_requests (tenant_id) where state in ('created', 'providerApproved', 'customerNotified');
select sluss_tenant_table('support_requests', 'select, insert, update');
select sluss_enumerable('support_requests');

-- For the operator: their own requests, or those that wait for an answer. Identifiers and dates only.
create function sluss_support_requests(account uuid)
returns table (tenant_id text, request_id uuid, asker uuid, created_at timestamptz)
language sql stable security definer set search_path = public as $$
  select r.tenant_id, r.request_id, r.asker, r.created_at from support_requests r
   where r.asker = account or (account is null and r.state in ('created', 'providerApproved', 'customerNotified'))
$$;

create table support_signatures (
  tenant_id text not null,
  signature_hash text not null,
  request_id uuid not null,
  used_at timestamptz not null,
  primary key (tenant_id, signature_hash)
);
select sluss_tenant_table('support_signatures', 'select, insert');

create table support_emergencies (
  tenant_id text not null,
  emergency_id uuid not null,
  case_id uuid not null,
  asker uuid not null,
  asker_marks text[] not null,
  asked_at timestamptz not null,
  expires_at timestamptz not null,
  scope_kind text not null check (scope_kind in ('records', 'people', 'query')),
  scope bytea not null,
  items text[] not null,
  precision text not null check (precision in ('exact', 'masked')),
  purpose text not null,
  duration_ms bigint not null check (duration_ms > 0 and duration_ms <= 3600000),
  reason bytea not null,
  opened_by uuid,
  opener_marks text[] not null default '{}',
  opened_at timestamptz,
  grant_id uuid,
  sealed_id uuid,
  operator_review_by uuid,
  operator_reviewed_at timestamptz,
  tenant_review_by uuid,
  tenant_reviewed_at timestamptz,
  primary key (tenant_id, emergency_id),
  foreign key (tenant_id, case_id) references support_cases
);
create index support_emergencies_by_asker on support_emergencies (asker);
select sluss_tenant_table('support_emergencies', 'select, insert, update');
select sluss_enumerable('support_emergencies');

-- Emergencies of a person, by whichever account, that were opened and not yet reviewed by both sides; of all for none.
create function sluss_unreviewed_emergencies(account uuid, marks text[])
returns table (tenant_id text, emergency_id uuid)
language sql stable security definer set search_path = public as $$
  select e.tenant_id, e.emergency_id from support_emergencies e
   where e.opened_at is not null and (e.operator_reviewed_at is null or e.tenant_reviewed_at is null)
     and (account is null or e.asker = account or e.asker_marks && marks)
$$;

create function sluss_support_emergencies()
returns table (tenant_id text, emergency_id uuid, asked_at timestamptz)
language sql stable security definer set search_path = public as
'select e.tenant_id, e.emergency_id, e.asked_at from support_emergencies e';

-- A commitment now, the text later; the date by which it opens at the latest never moves out.
create table sealed_entries (
  tenant_id text not null,
  sealed_id uuid not null,
  class text not null check (class in ('legalHold', 'automation', 'emergency')),
  commitment text not null,
  -- Salt and text.
  sealed bytea not null,
  sealed_by text not null,
  sealed_at timestamptz not null,
  opens_at timestamptz not null,
  opened_at timestamptz,
  primary key (tenant_id, sealed_id)
);
select sluss_tenant_table('sealed_entries', 'select, insert, update');
select sluss_enumerable('sealed_entries');

create function sealed_entry_stays() returns trigger language plpgsql as $$
begin
  if old.opened_at is not null or new.opens_at > old.opens_at
     or (new.tenant_id, new.sealed_id, new.class, new.commitment, new.sealed, new.sealed_by, new.sealed_at)
        is distinct from (old.tenant_id, old.sealed_id, old.class, old.commitment, old.sealed, old.sealed_by, old.sealed_at) then
    raise exception 'a sealed entry can only be opened' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger stays before update on sealed_entries for each row execute function sealed_entry_stays();

-- What was answered stays answered.
create function support_request_stays_answered() returns trigger language plpgsql as $$
begin
  if old.state not in ('created', 'providerApproved', 'customerNotified') and new is distinct from old then
    raise exception 'an answered request cannot change' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger stays_answered before update on support_requests for each row execute function support_request_stays_answered();

-- Which tenants a job has to look after: identifiers only.
create function sluss_tenants_with_support_work() returns setof text
language sql stable security definer set search_path = public as $$
  select r.tenant_id from support_requests r where r.state in ('created', 'providerApproved', 'customerNotified')
  union select s.tenant_id from sealed_entries s where s.opened_at is null
$$;
