-- owner: subjects
-- People as the tenant's directory tells of them: the least that the protocol needs to find them again, under a key of
-- each person's own (`user_id` is its subject).
create table scim_users (
  tenant_id text not null,
  user_id uuid not null,
  -- userName, externalId and mail addresses.
  sealed bytea not null,
  user_name_blind text not null,
  external_id_blind text,
  mail_blinds text[] not null default '{}',
  active boolean not null,
  version bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  -- Deleted by the directory: gone for it at once, and here when its erasure is done.
  deleted_at timestamptz,
  primary key (tenant_id, user_id)
);
create unique index scim_users_by_name on scim_users (tenant_id, user_name_blind) where deleted_at is null;
create index scim_users_by_external on scim_users (tenant_id, external_id_blind);
create index scim_users_by_mail on scim_users using gin (mail_blinds);
select sluss_tenant_table('scim_users', 'select, insert, update, delete');

create table scim_groups (
  tenant_id text not null,
  group_id uuid not null,
  -- displayName and externalId, under the tenant's key.
  sealed bytea not null,
  name_blind text not null,
  external_id_blind text,
  version bigint not null,
  created_at timestamptz not null,
  modified_at timestamptz not null,
  primary key (tenant_id, group_id)
);
create unique index scim_groups_by_name on scim_groups (tenant_id, name_blind);
select sluss_tenant_table('scim_groups', 'select, insert, update, delete');

create table scim_members (
  tenant_id text not null,
  group_id uuid not null,
  user_id uuid not null,
  primary key (tenant_id, group_id, user_id),
  foreign key (tenant_id, group_id) references scim_groups on delete cascade,
  foreign key (tenant_id, user_id) references scim_users on delete cascade
);
create index scim_members_by_user on scim_members (tenant_id, user_id);
select sluss_tenant_table('scim_members', 'select, insert, delete');

-- What the directory sent and was not kept: attribute by its name in the schema, how often, never what.
create table scim_not_kept (
  tenant_id text not null,
  attribute text not null,
  times bigint not null,
  primary key (tenant_id, attribute)
);
select sluss_tenant_table('scim_not_kept', 'select, insert, update');
