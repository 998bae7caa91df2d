-- Sums over features, from which nothing is made any more. `secure_delete` overwrites their pages.
DROP TABLE statistics;
