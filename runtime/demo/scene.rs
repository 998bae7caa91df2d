//! Light, ground, place and colour of one drawn picture.

use rand::{Rng, RngExt};

use super::Shape;

type Colour = [f32; 3];

/// Everything of a picture but its form. Colours run from 0 to 1.
pub(super) struct Scene {
    centre: (f32, f32),
    radius: f32,
    turn: f32,
    ink: Colour,
    ground: [Colour; 2],
    stripes: Stripes,
    light: (f32, f32, f32),
    noise: f32,
    size: (f32, f32),
}

/// A wave over the ground, so that edges alone do not give the form away.
struct Stripes {
    frequency: (f32, f32),
    strength: f32,
}

impl Scene {
    pub fn random(random: &mut impl Rng, (width, height): (u32, u32)) -> Self {
        let (width, height) = (width as f32, height as f32);
        let radius = height * random.random_range(0.30..0.40);
        let ground: [Colour; 2] = [colour(random), colour(random)];
        Self {
            // Networks look at the middle square of a picture.
            centre: (
                width / 2.0 + height * random.random_range(-0.10..0.10),
                height / 2.0 + height * random.random_range(-0.08..0.08),
            ),
            radius,
            turn: random.random_range(-0.4..0.4),
            ink: contrasting(random, &ground),
            ground,
            stripes: Stripes {
                frequency: (random.random_range(-0.5..0.5), random.random_range(-0.5..0.5)),
                strength: random.random_range(0.0..0.05),
            },
            light: (random.random_range(-0.5..0.5), random.random_range(-0.5..0.5), random.random_range(0.6..1.1)),
            noise: random.random_range(0.01..0.05),
            size: (width, height),
        }
    }

    /// The colour at `(x, y)`, noise included.
    pub fn pixel(&self, shape: Shape, (x, y): (u32, u32), noise: &mut impl Rng) -> [u8; 3] {
        let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
        let (u, v) = (x / self.size.0, y / self.size.1);
        let ground = mix(self.ground[0], self.ground[1], 0.5 * (u + v));
        let wave = (x * self.stripes.frequency.0 + y * self.stripes.frequency.1).sin() * self.stripes.strength;
        let coverage = self.coverage(shape, x, y);
        let light = self.light.2 * (1.0 + self.light.0 * (u - 0.5) + self.light.1 * (v - 0.5));
        std::array::from_fn(|channel| {
            let paint = (ground[channel] + wave) * (1.0 - coverage) + self.ink[channel] * coverage;
            let value = paint * light + noise.random_range(-1.0..1.0) * self.noise;
            (value * 255.0).round().clamp(0.0, 255.0) as u8
        })
    }

    /// How much of the pixel the form covers, 0 to 1.
    fn coverage(&self, shape: Shape, x: f32, y: f32) -> f32 {
        let (dx, dy) = ((x - self.centre.0) / self.radius, (y - self.centre.1) / self.radius);
        let (sin, cos) = self.turn.sin_cos();
        let distance = shape.distance(dx * cos + dy * sin, dy * cos - dx * sin);
        (0.5 - distance * self.radius).clamp(0.0, 1.0)
    }
}

fn colour(random: &mut impl Rng) -> Colour {
    std::array::from_fn(|_| random.random_range(0.1..0.9))
}

/// A colour that the eye tells from the ground; brighter or darker by chance.
fn contrasting(random: &mut impl Rng, ground: &[Colour; 2]) -> Colour {
    loop {
        let ink = colour(random);
        let far = |other: &Colour| ink.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>() > 0.15;
        if ground.iter().all(far) {
            return ink;
        }
    }
}

fn mix(from: Colour, to: Colour, share: f32) -> Colour {
    std::array::from_fn(|channel| from[channel] * (1.0 - share) + to[channel] * share)
}
