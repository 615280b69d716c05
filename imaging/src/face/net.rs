//! The small neural networks that judge a window and locate the face in it.
//!
//! They consist of layers of `weights × input + bias`. The weights of adjacent outputs are adjacent in memory, so that
//! a block of outputs is computed at once. Each output still adds its products in the order of the inputs, so the
//! vectorised sum equals the sequential one to the last bit.

/// The number of outputs that are computed at once.
const BLOCK: usize = 16;

/// The layers of one network. The outputs of the last layer are mapped to 0 to 1.
#[derive(Debug)]
pub(super) struct Net {
    layers: Vec<Layer>,
}

#[derive(Debug)]
struct Layer {
    inputs: usize,
    biases: Vec<f32>,
    /// The weights, for each block of outputs and each input. Padding outputs in the last block have zeros.
    weights: Vec<[f32; BLOCK]>,
}

/// The values between the layers. They are kept between windows.
#[derive(Debug, Default)]
pub(super) struct Activations {
    /// The input of the first layer.
    pub(super) input: Vec<f32>,
    output: Vec<f32>,
}

impl Net {
    pub(super) fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// Adds a layer; `weights` begins with all weights of the first output.
    pub(super) fn push(&mut self, inputs: usize, weights: &[f32], biases: Vec<f32>) {
        let outputs = biases.len();
        let mut blocks = Vec::with_capacity(outputs.div_ceil(BLOCK) * inputs);
        for start in (0..outputs).step_by(BLOCK) {
            for input in 0..inputs {
                let weight = |lane| weights.get((start + lane) * inputs + input).copied().unwrap_or(0.0);
                blocks.push(std::array::from_fn(weight));
            }
        }
        self.layers.push(Layer { inputs, biases, weights: blocks });
    }

    /// Runs `activations.input` through the layers.
    pub(super) fn run<'a>(&self, activations: &'a mut Activations) -> &'a [f32] {
        let Activations { input, output } = activations;
        for (index, layer) in self.layers.iter().enumerate() {
            layer.run(input, output);
            if index + 1 < self.layers.len() {
                output.iter_mut().for_each(|x| *x = x.max(0.0));
            } else {
                output.iter_mut().for_each(|x| *x = 1.0 / (1.0 + (-*x).exp()));
            }
            std::mem::swap(input, output);
        }
        input
    }
}

impl Layer {
    fn run(&self, input: &[f32], output: &mut Vec<f32>) {
        output.clear();
        for (block, biases) in self.weights.chunks_exact(self.inputs).zip(self.biases.chunks(BLOCK)) {
            let mut sums = [0.0; BLOCK];
            for (weights, x) in block.iter().zip(input) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += weight * x;
                }
            }
            output.extend(biases.iter().zip(sums).map(|(bias, sum)| sum + bias));
        }
    }
}
