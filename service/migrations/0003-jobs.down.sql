DROP SCHEMA tapescope_jobs CASCADE;
