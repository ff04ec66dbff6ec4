-- owner: records
-- What devices are counted by is read out of a document, and the planner takes that for as varied as the documents are:
-- with these it knows that the groups are few, and counts in parallel. Each is the expression of count-devices.ts.
create statistics records_counted_platform on (case lower(left(coalesce(clear ->> 'device.platform', clear ->> 'device.osFamily', clear ->> 'device.osName', clear ->> 'hardware.operatingSystem'), 3))
  when 'ios' then 'iOS/iPadOS' when 'ipa' then 'iOS/iPadOS' when 'iph' then 'iOS/iPadOS' when 'mac' then 'macOS' when 'osx' then 'macOS' when 'os ' then 'macOS' when 'com' then 'macOS' when 'tvo' then 'tvOS' when 'app' then 'tvOS' when 'wat' then 'watchOS' when 'vis' then 'visionOS' when 'and' then 'Android' when 'chr' then 'ChromeOS' when 'win' then 'Windows' when 'mic' then 'Windows' when 'lin' then 'Linux' when 'ubu' then 'Linux' else 'unknown' end) from records;
create statistics records_counted_model on (coalesce(left(coalesce(clear ->> 'device.model', clear ->> 'hardware.model', clear ->> 'device.modelIdentifier'), 128), 'unknown')) from records;
create statistics records_counted_osversion on (coalesce(left(coalesce(clear ->> 'device.osVersion', clear ->> 'hardware.operatingSystemVersion'), 64), 'unknown')) from records;
create statistics records_counted_compliance on (case coalesce(clear ->> 'device.complianceStates', clear ->> 'device.passcodeCompliantWithProfiles', clear ->> 'device.passcodeCompliant')
    when 'true' then 'compliant' when 'false' then 'notCompliant' else 'unknown' end) from records;
create statistics records_counted_storage on (case width_bucket(clear -> 'device.availableStorageSpace', array['0', '8', '32', '128', '1000000']::jsonb[]) when 1 then 'under 8' when 2 then '8 to 31' when 3 then '32 to 127' when 4 then '128 or more' else 'unknown' end) from records;
create statistics records_counted_enrolment on (case when clear ->> 'device.enrolledAutomatically' = 'true' then 'automated'
    when clear ->> 'device.userEnrolment' = 'true' then 'user'
    when clear ->> 'device.userEnrolment' = 'false' then 'byDevice'
    when clear ? 'device.managementMode' then 'managed' else 'unknown' end) from records;
create statistics records_counted_appcount on (case width_bucket(clear -> 'device.managedAppCount', array['0', '1', '10', '50', '1000000']::jsonb[]) when 1 then '0' when 2 then '1 to 9' when 3 then '10 to 49' when 4 then '50 or more' else 'unknown' end) from records;
