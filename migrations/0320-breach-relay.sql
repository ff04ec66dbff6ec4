-- owner: breach
-- Whom the operator tells by signed webhook when something goes wrong, and who answers in the same way: the team of the
-- larger suite, agents, and others that receive data. The installation's own rows.
create table breach_correspondents (
  tenant_id text not null,
  -- `suite`, or the id of a party.
  party text not null,
  role text not null check (role in ('suite', 'agent', 'recipient')),
  url text not null,
  is_on boolean not null,
  -- Sealed: with what we sign, and with what they sign.
  our_secret bytea not null,
  their_secret bytea not null,
  changed_at timestamptz not null,
  primary key (tenant_id, party)
);
select sluss_tenant_table('breach_correspondents', 'select, insert, update');

-- Which customer of the suite the tenant is. Several tenants may be one customer.
create table breach_suite_customers (
  tenant_id text not null,
  customer_id text not null,
  set_at timestamptz not null,
  primary key (tenant_id)
);
select sluss_tenant_table('breach_suite_customers', 'select, insert, update, delete');
select sluss_enumerable('breach_suite_customers');

create function sluss_breach_suite_customers() returns table (tenant_id text, customer_id text)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.customer_id from breach_suite_customers c order by 1';

-- Who was told of what concerns the tenant: the suite team instead of the tenant itself, or a recipient that owes an
-- answer. One row a tenant, incident and correspondent, so that nobody is told twice.
create table breach_tells (
  tenant_id text not null,
  incident_id uuid not null,
  party text not null,
  -- The suite's id of the customer, or the obligation of the recipient.
  reference text not null,
  message_id uuid not null,
  state text not null check (state in ('waiting', 'acknowledged', 'direct', 'owed', 'answered')),
  told_at timestamptz not null,
  deadline_at timestamptz not null,
  -- When the customer was told, as the suite team says; or when the answer came.
  answered_at timestamptz,
  primary key (tenant_id, incident_id, party)
);
select sluss_tenant_table('breach_tells', 'select, insert, update');
select sluss_enumerable('breach_tells');

create function sluss_breach_tells(incident uuid)
returns table (tenant_id text, incident_id uuid, party text, reference text, message_id uuid, state text, told_at timestamptz,
  deadline_at timestamptz, answered_at timestamptz)
language sql stable security definer set search_path = public as $$
  select t.tenant_id, t.incident_id, t.party, t.reference, t.message_id, t.state, t.told_at, t.deadline_at, t.answered_at
    from breach_tells t where t.incident_id = incident order by 1, 3
$$;

-- The tenant whose row a correspondent names; others' rows it cannot name.
create function sluss_breach_tell_of(of_party text, of_reference text) returns table (tenant_id text, incident_id uuid)
language sql stable security definer set search_path = public as $$
  select t.tenant_id, t.incident_id from breach_tells t where t.party = of_party and t.reference = of_reference
$$;

create function sluss_breach_unconfirmed(at timestamptz) returns table (tenant_id text, incident_id uuid)
language sql stable security definer set search_path = public as $$
  select t.tenant_id, t.incident_id from breach_tells t
   where t.party = 'suite' and t.state = 'waiting' and t.deadline_at <= at order by 1, 2
$$;

-- Messages to correspondents, identifiers only. `preparing` until every tenant in it has its row and entry.
create table breach_messages (
  tenant_id text not null,
  message_id uuid not null,
  incident_id uuid not null,
  party text not null,
  state text not null check (state in ('preparing', 'due', 'sending', 'sent', 'failed', 'withdrawn')),
  -- Tenants that it may be about, while it is prepared.
  tenants text[] not null,
  deadline_at timestamptz not null,
  body text,
  attempts int not null default 0,
  next_at timestamptz not null,
  code text,
  made_at timestamptz not null,
  sent_at timestamptz,
  primary key (tenant_id, message_id)
);
create unique index breach_messages_one_prepared on breach_messages (tenant_id, incident_id, party) where state = 'preparing';
create index breach_messages_due on breach_messages (tenant_id, next_at) where state in ('due', 'sending');
select sluss_tenant_table('breach_messages', 'select, insert, update');

-- Scopes whose recipients have all been asked.
create table breach_asked (
  tenant_id text not null,
  incident_id uuid not null,
  scope_id uuid not null,
  asked_at timestamptz not null,
  primary key (tenant_id, incident_id, scope_id)
);
select sluss_tenant_table('breach_asked', 'select, insert');

-- What came in from correspondents, by the id of the message: what comes again is answered as it was.
create table breach_letters (
  tenant_id text not null,
  party text not null,
  letter_id text not null,
  came_at timestamptz not null,
  -- As it came, sealed: a refusal states its reason in it.
  body bytea not null,
  answer jsonb,
  primary key (tenant_id, party, letter_id)
);
select sluss_tenant_table('breach_letters', 'select, insert, update');
