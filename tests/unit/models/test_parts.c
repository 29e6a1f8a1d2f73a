/* Parts that several models read: one for all who take it at once or later, of its own where there is no shelf, failures, no memory. */
#include "torture.h"

#include "base/mem.h"
#include "models/parts.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

static atomic_int opened, closed;

static hse_status open_number(void **object, const void *how, hse_error *err)
{
    int *n;

    usleep(1000);
    if (!how)
        return hse_fail(err, HSE_E_FORMAT, 0, "damaged");
    if (!(n = hse_alloc(sizeof *n)))
        return hse_fail(err, HSE_E_NOMEM, 0, "no memory");
    *n = *(const int *)how;
    *object = n;
    opened++;
    return HSE_OK;
}

static void close_number(void *object)
{
    hse_free(object);
    closed++;
}

static const hse_part_type number = {"number", open_number, close_number}, other = {"other", open_number, close_number};

static hse_parts *shelf(void)
{
    hse_parts *p = NULL;

    opened = closed = 0;
    CHECK(hse_parts_open(&p, NULL) == HSE_OK, "no shelf");
    return p;
}

static hse_part *take(hse_parts *parts, const hse_part_type *type, const char *dir, int value)
{
    hse_part *p = NULL;
    hse_error err = {0};

    CHECK(hse_part_take(&p, parts, type, dir, &value, &err) == HSE_OK, "%s", err.text);
    return p;
}

TEST(a_part_is_the_same_for_all_until_the_last_leaves)
{
    hse_parts *s = shelf();
    hse_part *a = take(s, &number, "/tmp", 1), *b = take(s, &number, "/tmp/../tmp/.", 2), *c = take(s, &number, "/usr", 3),
             *d = take(s, &other, "/tmp", 4), *e = take(NULL, &number, "/tmp", 5), *f = take(s, &number, "/nowhere/at/all", 6);

    CHECK(hse_part_object(a) == hse_part_object(b) && *(int *)hse_part_object(b) == 1, "two of one folder");
    CHECK(*(int *)hse_part_object(c) == 3 && *(int *)hse_part_object(d) == 4 && *(int *)hse_part_object(e) == 5 && *(int *)hse_part_object(f) == 6,
          "others are their own");
    CHECK(opened == 5 && closed == 0, "%d opened, %d closed", (int)opened, (int)closed);
    hse_part_leave(&a);
    CHECK(!a && closed == 0, "closed while somebody has it");
    hse_part_leave(&b);
    CHECK(closed == 1, "not closed by the last");
    b = take(s, &number, "/tmp", 7);
    CHECK(*(int *)hse_part_object(b) == 7, "it was not opened again");
    hse_part_leave(&b);
    hse_part_leave(&b);
    hse_part_leave(&c);
    hse_part_leave(&d);
    hse_part_leave(&e);
    hse_part_leave(&f);
    CHECK(opened == 6 && closed == 6, "%d opened, %d closed", (int)opened, (int)closed);
    hse_parts_close(&s);
    hse_parts_close(&s);
}

TEST(who_waited_for_what_does_not_open_tries_himself)
{
    hse_parts *s = shelf();
    hse_part *p = NULL;
    hse_error err = {0};

    CHECK(hse_part_take(&p, s, &number, "/tmp", NULL, &err) == HSE_E_FORMAT && !p && strcmp(err.text, "damaged") == 0, "%s", err.text);
    p = take(s, &number, "/tmp", 2);
    CHECK(*(int *)hse_part_object(p) == 2 && opened == 1, "a failure stays");
    hse_part_leave(&p);
    hse_parts_close(&s);
}

enum { THREADS = 8, ROUNDS = 60 };

static void *come_and_go(void *shelf_of_all)
{
    for (int i = 0; i < ROUNDS; i++) {
        hse_part *p = take(shelf_of_all, &number, i % 3 ? "/tmp" : "/usr", i % 3 ? 1 : 2);

        CHECK(*(int *)hse_part_object(p) == (i % 3 ? 1 : 2), "round %d: another folder's", i);
        hse_part_leave(&p);
    }
    return NULL;
}

TEST(many_come_and_go)
{
    hse_parts *s = shelf();
    pthread_t thread[THREADS];

    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&thread[i], NULL, come_and_go, s) == 0, "thread %d", i);
    for (int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    CHECK(opened == closed && opened > 0 && opened < THREADS * ROUNDS, "%d opened, %d closed", (int)opened, (int)closed);
    hse_parts_close(&s);
}

static hse_status take_once(void *arg, hse_error *err)
{
    static const int one = 1;
    hse_parts *s = NULL;
    hse_part *p = NULL;
    hse_status status = hse_parts_open(&s, err);

    (void)arg;
    if (status == HSE_OK)
        status = hse_part_take(&p, s, &number, "/tmp", &one, err);
    hse_part_leave(&p);
    hse_parts_close(&s);
    return status;
}

TEST(taking_survives_every_failed_allocation)
{
    CHECK(test_torture("hse_part_take", take_once, NULL) > 2, "nothing was allocated");
}
