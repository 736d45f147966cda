#include "loa_leveller.h"

#include <math.h>
#include <stdlib.h>

#include "loa_kweight.h"

enum {
    BLOCK = 960,
    TICKS_A_SECOND = 50,
    MOMENTARY = 20,               /* ticks in 400 ms */
    HOP = 5,                      /* a new 400 ms window every 100 ms */
    SECOND = TICKS_A_SECOND,      /* ticks kept */
    WINDOWS = 100,                /* windows that make the talker's level: 10 s of speech */
    LOUDER = 10, LOUDER_KEPT = 4, /* windows that show a louder talker, and those believed then */
    QUIETER = 20, QUIETER_KEPT = 12,
    LOSS_WINDOWS = 30,            /* windows that show what the limiter takes */
    PERSISTENT = 40,              /* windows after which what seemed noise is a talker */
    LOCKING = 3 * TICKS_A_SECOND, /* ticks of speech in which the gain moves freely */
    PATIENCE = 5 * TICKS_A_SECOND
};

static const double LOWEST_DB = -20.0, HIGHEST_DB = 30.0, MAKEUP_DB = 8.0;
static const double GATE_LUFS = -60.0;      /* quieter is no speech */
static const double NOISE_LU = -18.0;       /* so far below the talker, the flag is mistaken */
static const double CHANGE_LU = 6.0;
static const double RELATIVE_GATE = 0.1;    /* -10 LU, BS.1770-4 */

/* dB/s, and the share of what is missing that goes in a second. */
static const double LOCK_UP = 40.0, LOCK_DOWN = 80.0, LOCK_SHARE = 8.0;
static const double UP = 3.0, UP_SHARE = 1.5;
static const double DOWN = 10.0, DOWN_SHARE = 2.0;
static const double LOCK_MAKEUP_SHARE = 4.0, MAKEUP_SHARE = 1.0;
static const double STEADY_DB = 2.0;        /* nearer to where it belongs, the gain is steady */

/* Mean squares of one 400 ms window. */
typedef struct {
    double input;
    double driven;                /* with the gain, before the limiter */
    double heard;                 /* after it */
} window;

typedef struct {
    double input, driven, heard;
    int speech;
} tick;

struct loa_leveller {
    double target;
    loa_kweight before, after;
    tick ticks[SECOND];           /* the newest at now % SECOND */
    long now;
    long onset;                   /* tick of the first speech since the level was forgotten, or -1 */
    long flagged;                 /* newest tick flagged as speech */
    window windows[WINDOWS];      /* of speech, the newest at (count - 1) % WINDOWS */
    long count, first;            /* windows in all; the oldest that counts */
    int mistaken;                 /* windows in a row that seemed to be noise */
    double talker;                /* LUFS, -HUGE_VAL: not known */
    double gain, makeup;          /* dB */
    double recall;                /* gain that may come back at once after a fall */
    double applied;               /* amplitude at the end of the last block */
    long locking;                 /* ticks of speech left in which the gain moves freely */
    int silent;                   /* ticks since the last speech */
    int fallen;
};

loa_leveller *loa_leveller_create(float target_lufs)
{
    if (!(target_lufs >= -40.0f && target_lufs <= 0.0f))
        return NULL;
    loa_leveller *leveller = calloc(1, sizeof *leveller);
    if (!leveller)
        return NULL;
    leveller->target = (double)target_lufs;
    loa_kweight_start(&leveller->before, 48000.0);
    loa_kweight_start(&leveller->after, 48000.0);
    leveller->now = leveller->onset = -1;
    leveller->talker = -HUGE_VAL;
    leveller->recall = HIGHEST_DB;
    leveller->applied = 1.0;
    leveller->locking = LOCKING;
    return leveller;
}

void loa_leveller_destroy(loa_leveller *leveller)
{
    free(leveller);
}

static const tick *tick_before(const loa_leveller *leveller, long ago)
{
    return &leveller->ticks[(leveller->now - ago) % SECOND];
}

/* The mean over the newest ticks; their number must not exceed those heard. */
static double mean_input(const loa_leveller *leveller, long ticks)
{
    double sum = 0.0;
    for (long i = 0; i < ticks; i++)
        sum += tick_before(leveller, i)->input;
    return sum / (double)ticks;
}

static long shorter(long a, long b)
{
    return a < b ? a : b;
}

/* The gated mean of the windows from .. to - 1. */
static double gated(const loa_leveller *leveller, long from, long to)
{
    double sum = 0.0, loud = 0.0;
    int loud_ones = 0;
    for (long i = from; i < to; i++)
        sum += leveller->windows[i % WINDOWS].input;
    double gate = sum / (double)(to - from) * RELATIVE_GATE;
    for (long i = from; i < to; i++) {
        double input = leveller->windows[i % WINDOWS].input;
        if (input >= gate) {
            loud += input;
            loud_ones++;
        }
    }
    return loa_kweight_lufs(loud / loud_ones);
}

static void forget(loa_leveller *leveller)
{
    leveller->first = leveller->count;
    leveller->onset = -1;
    leveller->mistaken = 0;
    leveller->talker = -HUGE_VAL;
}

/* Forgets the windows from before a step in the talker's level. */
static void notice_change(loa_leveller *leveller)
{
    long end = leveller->count, known = end - leveller->first;
    if (known >= 2 * LOUDER) {
        double older = gated(leveller, leveller->first, end - LOUDER);
        if (gated(leveller, end - LOUDER, end) > older + CHANGE_LU)
            leveller->first = end - LOUDER_KEPT;
    }
    known = end - leveller->first;
    if (known >= 2 * QUIETER) {
        double older = gated(leveller, leveller->first, end - QUIETER);
        if (gated(leveller, end - QUIETER, end) < older - CHANGE_LU)
            leveller->first = end - QUIETER_KEPT;
    }
}

static void add_window(loa_leveller *leveller, long ticks, long flagged)
{
    /* The speech that was needed to be sure counts as speech. */
    if (leveller->count == leveller->first && leveller->locking > flagged)
        leveller->locking -= flagged - 1;
    window sum = {0};
    for (long i = 0; i < ticks; i++) {
        const tick *one = tick_before(leveller, i);
        sum.input += one->input;
        sum.driven += one->driven;
        sum.heard += one->heard;
    }
    leveller->windows[leveller->count++ % WINDOWS] = (window){
        sum.input / (double)ticks, sum.driven / (double)ticks, sum.heard / (double)ticks};
    if (leveller->count - leveller->first > WINDOWS)
        leveller->first = leveller->count - WINDOWS;
    notice_change(leveller);
    leveller->talker = gated(leveller, leveller->first, leveller->count);
}

/* Looks at the newest 400 ms (less, soon after the onset) and takes them in if they are speech. */
static void listen(loa_leveller *leveller)
{
    if (leveller->onset < 0)
        return;
    long since = leveller->now - leveller->onset + 1;
    if (since % HOP != 0)
        return;
    long ticks = shorter(MOMENTARY, since), flagged = 0;
    for (long i = 0; i < ticks; i++)
        flagged += tick_before(leveller, i)->speech;
    double lufs = loa_kweight_lufs(mean_input(leveller, ticks));
    if (4 * flagged < ticks || lufs < GATE_LUFS)
        return;
    if (lufs < leveller->talker + NOISE_LU) {
        if (++leveller->mistaken < PERSISTENT)
            return;
        forget(leveller);
        leveller->onset = leveller->now - ticks + 1;
    }
    leveller->mistaken = 0;
    leveller->silent = 0;
    add_window(leveller, ticks, flagged);
}

/* What the limiter took lately, in dB, or 0 while that is not known. */
static double loss(const loa_leveller *leveller)
{
    long from = leveller->count - LOSS_WINDOWS;
    if (from < leveller->first)
        from = leveller->first;
    double driven = 0.0, heard = 0.0;
    for (long i = from; i < leveller->count; i++) {
        driven += leveller->windows[i % WINDOWS].driven;
        heard += leveller->windows[i % WINDOWS].heard;
    }
    return heard > 0.0 && driven > heard ? 10.0 * log10(driven / heard) : 0.0;
}

static double clamp(double value, double low, double high)
{
    return value < low ? low : value > high ? high : value;
}

/* dB of this tick on the way to what is missing. */
static double step(double missing, double share, double most)
{
    return clamp(missing * share, -most, most) / TICKS_A_SECOND;
}

/* The gain follows the talker; up only while the block itself is flagged as speech. */
static void follow(loa_leveller *leveller, int speech)
{
    int locking = leveller->locking > 0;
    double wanted = clamp(leveller->target - leveller->talker, LOWEST_DB, HIGHEST_DB);
    double missing = wanted - leveller->gain;
    double before = leveller->gain;
    if (missing < 0.0) {
        leveller->gain += step(missing, locking ? LOCK_SHARE : DOWN_SHARE,
                               locking ? LOCK_DOWN : DOWN);
    } else if (speech) {
        int free = locking && leveller->gain < leveller->recall;
        leveller->gain += step(missing, free ? LOCK_SHARE : UP_SHARE, free ? LOCK_UP : UP);
    }
    /* While the gain is on its way, the limiter's loss says nothing about where it will be. */
    if (fabs(missing) > STEADY_DB)
        return;
    double makeup = step(clamp(loss(leveller), 0.0, MAKEUP_DB) - leveller->makeup,
                         locking ? LOCK_MAKEUP_SHARE : MAKEUP_SHARE, UP);
    double room = UP / TICKS_A_SECOND - (leveller->gain - before);
    if (makeup < 0.0 || speech)
        leveller->makeup += fmin(makeup, fmax(room, 0.0));
}

/* Without speech: down to the target where it is louder, and after a while to 0 dB or less. */
static void wait_for_speech(loa_leveller *leveller)
{
    double total = leveller->gain + leveller->makeup;
    long ticks = shorter(SECOND, leveller->now + 1);
    double over = loa_kweight_lufs(mean_input(leveller, ticks)) + total - leveller->target;
    if (leveller->silent >= SECOND && over > 0.0)
        leveller->gain += step(-over, DOWN_SHARE, DOWN);
    if (leveller->silent >= PATIENCE && !leveller->fallen) {
        leveller->fallen = 1;
        leveller->recall = leveller->gain;
        leveller->locking = LOCKING;
        forget(leveller);
    }
    if (leveller->fallen && total > 0.0)
        leveller->gain -= fmin(total, DOWN / TICKS_A_SECOND);
    leveller->gain = fmax(leveller->gain, LOWEST_DB);
}

static void ramp(float *block, double from, double to)
{
    const float start = (float)from, slope = (float)((to - from) / BLOCK);
    for (int i = 0; i < BLOCK; i++)
        block[i] *= start + slope * (float)(i + 1);
}

static tick *new_tick(loa_leveller *leveller, const float *block, int speech)
{
    tick *newest = &leveller->ticks[++leveller->now % SECOND];
    double input = loa_kweight_energy(&leveller->before, block, BLOCK, 1) / BLOCK;
    *newest = (tick){.input = input, .speech = speech};
    return newest;
}

void loa_leveller_watch(loa_leveller *leveller, const float *block)
{
    tick *newest = new_tick(leveller, block, 0);
    newest->driven = newest->heard = newest->input;
}

void loa_leveller_process(loa_leveller *leveller, float *block, int speech)
{
    tick *newest = new_tick(leveller, block, speech != 0);
    if (speech) {
        leveller->flagged = leveller->now;
        if (leveller->onset < 0)
            leveller->onset = leveller->now;
    } else if (leveller->count == leveller->first && leveller->now - leveller->flagged > MOMENTARY) {
        leveller->onset = -1;     /* that was no talker */
    }
    leveller->silent += leveller->silent < PATIENCE;
    listen(leveller);
    if (leveller->silent < SECOND && leveller->count > leveller->first) {
        follow(leveller, speech);
        if (speech && leveller->locking > 0 && --leveller->locking == 0)
            leveller->recall = HIGHEST_DB;
        leveller->fallen = 0;
    } else {
        wait_for_speech(leveller);
    }
    double wanted = pow(10.0, (leveller->gain + leveller->makeup) / 20.0);
    ramp(block, leveller->applied, wanted);
    newest->driven = newest->input * leveller->applied * wanted;
    newest->heard = newest->driven;
    leveller->applied = wanted;
}

void loa_leveller_heard(loa_leveller *leveller, const float *block)
{
    tick *newest = &leveller->ticks[leveller->now % SECOND];
    newest->heard = loa_kweight_energy(&leveller->after, block, BLOCK, 1) / BLOCK;
}

void loa_leveller_read(const loa_leveller *leveller, loa_leveller_state *state)
{
    double input = 0.0, heard = 0.0;
    long ticks = shorter(MOMENTARY, leveller->now + 1);
    for (long i = 0; i < ticks; i++) {
        input += tick_before(leveller, i)->input / MOMENTARY;
        heard += tick_before(leveller, i)->heard / MOMENTARY;
    }
    *state = (loa_leveller_state){
        .input_momentary_lufs = (float)loa_kweight_lufs(input),
        .output_momentary_lufs = (float)loa_kweight_lufs(heard),
        .talker_lufs = (float)leveller->talker,
        .gain_db = (float)leveller->gain,
        .makeup_db = (float)leveller->makeup,
    };
}
