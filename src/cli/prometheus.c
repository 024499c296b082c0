// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * vfifo list --prometheus: the devices in the text format 0.0.4 of Prometheus, which is what the
 * textfile collector of node_exporter reads. (It does not read OpenMetrics, where the names in the
 * TYPE lines of counters lack _total.)
 *
 * The manual page lists the metrics, and src/examples/fleet/grafana.json shows them; the test
 * tests/cli/prometheus compares the three.
 */
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* What the number of an attribute is in its metric. */
enum conversion {
	AS_IT_IS,
	TO_SECONDS, /* from microseconds */
	IF_ANY, /* 1, or 0 for 0: a process ID would be a new value for each process */
};

struct metric {
	const char *name;
	const char *attribute;
	const char *type;
	const char *labels; /* beside that of the device */
	enum conversion conversion;
	const char *help; /* without backslashes and newlines */
};

#define GAUGE "gauge", "", AS_IT_IS
#define COUNTER "counter", "", AS_IT_IS
#define CLAIMED(side) "gauge", ",side=\"" side "\"", IF_ANY

/* Metrics of the same name stand together. */
static const struct metric metrics[] = {
	{ "vfifo_stored_bytes", "size", GAUGE, "Bytes that are stored." },
	{ "vfifo_capacity_bytes", "capacity", GAUGE,
	  "Bytes that can be stored." },
	{ "vfifo_in_bytes_total", "stats/in_bytes", COUNTER,
	  "Bytes that were produced." },
	{ "vfifo_out_bytes_total", "stats/out_bytes", COUNTER,
	  "Bytes that were consumed, cleared or overwritten." },
	{ "vfifo_dropped_bytes_total", "stats/dropped_bytes", COUNTER,
	  "Bytes that were lost for lack of space." },
	{ "vfifo_dropped_records_total", "stats/dropped_records", COUNTER,
	  "Records that were lost for lack of space." },
	{ "vfifo_reads_total", "stats/reads", COUNTER,
	  "System calls that read at least one byte." },
	{ "vfifo_writes_total", "stats/writes", COUNTER,
	  "System calls that wrote at least one byte." },
	{ "vfifo_kicks_total", "stats/kicks", COUNTER, "Calls of VFIFO_KICK." },
	{ "vfifo_wakeups_total", "stats/wakeups", COUNTER,
	  "Wake-ups of waiters." },
	{ "vfifo_mappings", "mappings", GAUGE, "Mappings of the memory." },
	{ "vfifo_claimed", "producer", CLAIMED("producer"),
	  "1 if a process claims the side." },
	{ "vfifo_claimed", "consumer", CLAIMED("consumer"),
	  "1 if a process claims the side." },
	{ "vfifo_read_watermark_bytes", "read_watermark", GAUGE,
	  "Stored bytes for poll() to report readable." },
	{ "vfifo_write_watermark_bytes", "write_watermark", GAUGE,
	  "Free bytes for poll() to report writable." },
	{ "vfifo_eof_enabled", "eof", GAUGE,
	  "1 if a read without producers ends." },
	{ "vfifo_scrub_enabled", "scrub", GAUGE,
	  "1 if bytes are zeroed when read." },
	{ "vfifo_generator_enabled", "mode", GAUGE,
	  "1 if the generator produces." },
	{ "vfifo_generator_period_seconds", "generator/period_us", "gauge", "",
	  TO_SECONDS, "Time between two bursts of the generator." },
	{ "vfifo_generator_burst_bytes", "generator/burst", GAUGE,
	  "Bytes per burst; 0 stands for the text once, or 1024." },
	{ "vfifo_generator_limit_bursts", "generator/count", GAUGE,
	  "Bursts until the generator stops; 0 stands for no end." },
};

#define METRICS (sizeof(metrics) / sizeof(metrics[0]))

/*
 * The texts are labels of a metric of their own. As labels of each metric they would begin
 * all series anew when root changes one of them. generator/text is left out: it may be binary.
 */
static const struct {
	const char *label, *attribute;
} texts[] = {
	{ "label", "label" },
	{ "memory", "memory" },
	{ "framing", "framing" },
	{ "overflow", "overflow" },
	{ "pattern", "generator/pattern" },
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

static void print_head(const char *name, const char *type, const char *help)
{
	printf("# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* No floating point: its comma depends on the locale, and it is exact to 53 bits only. */
static void print_number(uint64_t value, enum conversion conversion)
{
	unsigned long long n = value;

	switch (conversion) {
	case AS_IT_IS:
		printf("%llu\n", n);
		break;
	case TO_SECONDS:
		printf("%llu.%06llu\n", n / 1000000, n % 1000000);
		break;
	case IF_ANY:
		printf("%d\n", n != 0);
		break;
	}
}

/*
 * A device without the attribute has no sample, as a 0 would be a statement. headed: the lines
 * HELP and TYPE are printed already. Return: whether they are now.
 */
static bool print_sample(const struct metric *m, const struct device *d,
			 bool headed)
{
	uint64_t value;

	if (attribute_number(d, m->attribute, &value))
		return headed;
	if (!headed)
		print_head(m->name, m->type, m->help);
	printf("%s{device=\"%s\"%s} ", m->name, d->name, m->labels);
	print_number(value, m->conversion);
	return true;
}

/* The format wants all samples of a metric together. */
static void print_metrics(const struct device *list, size_t n)
{
	const char *before = "";
	bool headed = false;

	for (size_t i = 0; i < METRICS; i++) {
		headed = headed && !strcmp(metrics[i].name, before);
		before = metrics[i].name;
		for (size_t k = 0; k < n; k++)
			headed = print_sample(&metrics[i], &list[k], headed);
	}
}

/* As print_sample(). A device that was removed meanwhile has none of the texts. */
static bool print_info(const struct device *d, bool headed)
{
	char value[ATTR_MAX], text[3 * ATTR_MAX];
	bool found = false;

	for (size_t i = 0; i < TEXTS; i++) {
		if (attribute_get(d, texts[i].attribute, value, sizeof(value)))
			continue;
		if (!headed)
			print_head("vfifo_info", "gauge",
				   "Texts of the device; the value is 1.");
		headed = true;
		if (!found)
			printf("vfifo_info{device=\"%s\"", d->name);
		found = true;
		format_prometheus(value, strlen(value), text, sizeof(text));
		printf(",%s=\"%s\"", texts[i].label, text);
	}
	if (found)
		puts("} 1");
	return headed;
}

/* Two equal samples would make the collector refuse the file. Return: how many are left. */
static size_t drop_repeated(struct device *list, size_t n)
{
	bool seen[DEVICE_NUMBER_MAX + 1] = { false };
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (seen[list[i].number])
			continue;
		seen[list[i].number] = true;
		list[left++] = list[i];
	}
	return left;
}

void prometheus_print(struct device *list, size_t n)
{
	bool headed = false;

	n = drop_repeated(list, n);
	print_metrics(list, n);
	for (size_t i = 0; i < n; i++)
		headed = print_info(&list[i], headed);
}
