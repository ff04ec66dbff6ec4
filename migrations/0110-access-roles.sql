-- owner: access
-- The tenant's own roles. Built-in ones are data of the code; what a role once gave stands in the ledger.
create table role_definitions (
  tenant_id text not null,
  role_id uuid not null,
  name text not null check (length(name) between 1 and 128),
  description text not null default '',
  permissions text[] not null,
  -- Who sees the role itself.
  scope_tags text[] not null check (cardinality(scope_tags) between 1 and 100),
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (tenant_id, role_id)
);
select sluss_tenant_table('role_definitions', 'select, insert, update, delete');
create unique index role_definitions_by_name on role_definitions (tenant_id, lower(name));

create table role_assignments (
  tenant_id text not null,
  assignment_id uuid not null,
  -- The id of a built-in role, or of one of the tenant's own.
  role_id text not null,
  name text not null check (length(name) between 1 and 128),
  description text not null default '',
  member_groups text[] not null,
  member_accounts uuid[] not null,
  -- Everything is said explicitly; without tags an assignment is about the default tag.
  all_tags boolean not null,
  scope_tags text[] not null check (cardinality(scope_tags) <= 100),
  scope_type text not null check (scope_type in
    ('resourceScope', 'allDevices', 'allLicensedUsers', 'allDevicesAndLicensedUsers')),
  scope_groups text[] not null,
  created_at timestamptz not null,
  changed_at timestamptz not null,
  primary key (tenant_id, assignment_id),
  check (not (all_tags and cardinality(scope_tags) > 0))
);
select sluss_tenant_table('role_assignments', 'select, insert, update, delete');
create index role_assignments_by_role on role_assignments (tenant_id, role_id);

create table role_scope_tags (
  tenant_id text not null,
  tag_id text not null check (tag_id ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
  name text not null check (length(name) between 1 and 128),
  description text not null default '',
  created_at timestamptz not null,
  primary key (tenant_id, tag_id)
);
select sluss_tenant_table('role_scope_tags', 'select, insert, update, delete');
create unique index role_scope_tags_by_name on role_scope_tags (tenant_id, lower(name));
