/* checked.h - a number that a check takes, and what becomes of it when one digit is another; for the tests of check*.c */
#ifndef TESTS_CHECKED_H
#define TESTS_CHECKED_H

struct checked {
	const char *name;
	bool (*check)(const char *value, size_t count);
	const char *value;
	unsigned
		passing; /* of its single-digit changes: where the scheme promises less than all; 99: it has no check digit */
};

/* checked_row - prints what is wrong */
static inline bool checked_row(const struct checked *row)
{
	char value[64] = "";
	size_t length = strlen(row->value);
	unsigned passing = 0;

	memcpy(value, row->value, length);
	if (!row->check(value, length)) {
		print_error("%s does not take %s\n", row->name, value);
		return false;
	}
	for (size_t i = 0; i < length; i++) {
		char kept = value[i];

		for (char c = '0'; kept >= '0' && kept <= '9' && c <= '9'; c++) {
			value[i] = c;
			passing += c != kept && row->check(value, length);
		}
		value[i] = kept;
	}
	if (row->passing < 99 && passing > row->passing)
		print_error("%s: %u changes of %s pass\n", row->name, passing, row->value);
	/* No check looks behind the value, or takes a part of it. */
	for (size_t count = 0; count < 5; count++)
		if (row->check(value, count)) {
			print_error("%s takes %zu characters of %s\n", row->name, count, value);
			return false;
		}
	return row->passing == 99 || passing <= row->passing;
}

#endif
