// SPDX-License-Identifier: GPL-2.0-or-later
/* Decimal fractions as integers. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "decimal.h"

/* digits * 10^exponent; digits do not end in 0. */
struct decimal {
	uint64_t digits;
	int exponent;
};

/* No exponent that makes sense is larger. */
#define EXPONENT_MAX 40

static int add_digits(const char **text, struct decimal *d, int weight)
{
	const char *p = *text;

	for (; isdigit((unsigned char)*p); p++) {
		if (__builtin_mul_overflow(d->digits, 10, &d->digits) ||
		    __builtin_add_overflow(d->digits, (uint64_t)(*p - '0'),
					   &d->digits))
			return -ERANGE;
		d->exponent += weight;
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	return 0;
}

/* e-6. Without a digit it is no exponent, and the caller finds the e. */
static int take_exponent(const char **text, int *exponent)
{
	const char *p = *text + 1;
	struct decimal d = { 0 };
	int sign = *p == '-' ? -1 : 1, err;

	p += *p == '-' || *p == '+';
	err = add_digits(&p, &d, 0);
	if (err)
		return err;
	if (d.digits > EXPONENT_MAX)
		return -ERANGE;
	*exponent += sign * (int)d.digits;
	*text = p;
	return 0;
}

static int take_decimal(const char **text, struct decimal *d)
{
	int err;

	*d = (struct decimal){ 0 };
	err = add_digits(text, d, 0);
	if (!err && **text == '.') {
		++*text;
		err = add_digits(text, d, -1);
	}
	if (!err && (**text == 'e' || **text == 'E'))
		err = take_exponent(text, &d->exponent);
	if (!d->digits)
		d->exponent = 0;
	while (d->digits && d->digits % 10 == 0) {
		d->digits /= 10;
		d->exponent++;
	}
	return err;
}

/* d * 10^places as an integer. */
static int in_units(const struct decimal *d, int places, uint64_t *units)
{
	int zeros = d->exponent + places;

	*units = d->digits;
	if (!*units)
		return 0;
	if (zeros < 0)
		return -EINVAL;
	while (zeros--)
		if (__builtin_mul_overflow(*units, 10, units))
			return -ERANGE;
	return 0;
}

/* The power of ten of a suffix; *text is moved past it. */
static int take_suffix(const char **text)
{
	static const char suffixes[] = "kMG";
	const char *suffix = **text ? strchr(suffixes, **text) : NULL;

	if (!suffix)
		return 0;
	++*text;
	return 3 * (int)(suffix - suffixes + 1);
}

int parse_decimal(const char *text, int places, uint64_t *units)
{
	struct decimal d;
	int err = take_decimal(&text, &d);

	if (err)
		return err;
	places += take_suffix(&text);
	return *text ? -EINVAL : in_units(&d, places, units);
}

int parse_duration(const char *text, uint64_t *ns)
{
	static const struct {
		const char *unit;
		int places;
	} units[] = {
		{ "", 9 }, { "s", 9 }, { "ms", 6 }, { "us", 3 }, { "ns", 0 }
	};
	struct decimal d;
	int err = take_decimal(&text, &d);

	if (err)
		return err;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(text, units[i].unit))
			return in_units(&d, units[i].places, ns);
	return -EINVAL;
}

/* Long division; the remainder can need a bit more than fits. */
uint64_t part_of(uint64_t a, uint64_t b)
{
	uint64_t part = 0;

	for (int bit = 0; bit < 64; bit++) {
		uint64_t carry = a >> 63;

		a <<= 1;
		part <<= 1;
		if (carry || a >= b) {
			a -= b;
			part |= 1;
		}
	}
	return part;
}

/* There is no type of 128 bits on machines of 32. */
uint64_t part_times(uint64_t a, uint64_t b)
{
	uint64_t a_low = (uint32_t)a, a_high = a >> 32;
	uint64_t b_low = (uint32_t)b, b_high = b >> 32;
	uint64_t middle = a_high * b_low + (a_low * b_low >> 32);

	return a_high * b_high + (middle >> 32) +
	       ((a_low * b_high + (uint32_t)middle) >> 32);
}

int parse_probability(const char *text, uint64_t *part)
{
	struct decimal d;
	uint64_t whole = 1;
	int err = take_decimal(&text, &d);

	if (err || *text)
		return err ? err : -EINVAL;
	if (d.digits > 1 && d.exponent >= 0)
		return -ERANGE;
	/* A probability of less than 10^-19 is none. */
	for (; d.exponent < -19; d.exponent++)
		d.digits /= 10;
	for (int i = d.exponent; i < 0; i++)
		whole *= 10;
	if (d.digits > whole || d.exponent > 0)
		return -ERANGE;
	*part = d.digits == whole ? UINT64_MAX : part_of(d.digits, whole);
	return 0;
}
