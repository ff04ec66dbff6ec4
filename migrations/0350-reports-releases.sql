-- owner: reports
-- How a tenant protects its reports, from which day on (UTC): what was released before stays as it was.
create table report_settings (
  tenant_id text not null,
  from_day date not null,
  group_size int not null check (group_size in (10, 20, 40, 80, 160, 320, 640)),
  noise text not null check (noise in ('none', 'laplace', 'gaussian')),
  -- Millionths: of epsilon for a release with Laplace noise, of rho for one with Gaussian noise, and of both in a month.
  release_micro_epsilon int not null check (release_micro_epsilon between 1 and 100000),
  release_micro_rho int not null check (release_micro_rho between 1 and 5000),
  month_micro_epsilon int not null check (month_micro_epsilon between 0 and 1000000),
  month_micro_rho int not null check (month_micro_rho between 0 and 50000),
  devices_of_a_person int not null check (devices_of_a_person between 3 and 8),
  primary key (tenant_id, from_day)
);
select sluss_tenant_table('report_settings', 'select, insert, update');

-- What was released: published numbers only, never a count they were made of. There is one for each report, scope and
-- day, whoever asks and however often.
create table report_releases (
  tenant_id text not null,
  report text not null,
  -- '*' for the whole tenant, or the id of a scope tag.
  scope text not null,
  day date not null,
  made_at timestamptz not null,
  guarantee jsonb not null,
  figures jsonb not null,
  primary key (tenant_id, report, scope, day)
);
select sluss_tenant_table('report_releases', 'select, insert');

-- Who got which: the first time costs, and is an entry.
create table report_deliveries (
  tenant_id text not null,
  recipient text not null,
  report text not null,
  scope text not null,
  day date not null,
  primary key (tenant_id, recipient, report, scope, day)
);
select sluss_tenant_table('report_deliveries', 'select, insert, delete');

-- The meter: what a recipient was given in a month, in whole millionths. It is counted up by a statement that holds the
-- limit, so that two nodes cannot both spend the last of it.
create table report_budgets (
  tenant_id text not null,
  recipient text not null,
  month date not null,
  spent_micro_epsilon bigint not null check (spent_micro_epsilon >= 0),
  spent_micro_rho bigint not null check (spent_micro_rho >= 0),
  releases int not null,
  primary key (tenant_id, recipient, month)
);
select sluss_tenant_table('report_budgets', 'select, insert, update');
