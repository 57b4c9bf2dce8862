//! What all models do alike.

/// The methods that every model has, written once: each belongs to its `engine`.
macro_rules! common_methods {
    () => {
        /// The same with an instruction set of choice instead of the fastest.
        ///
        /// # Errors
        ///
        /// Refuses what this machine lacks.
        pub fn with_instruction_set(
            mut self,
            set: crate::InstructionSet,
        ) -> Result<Self, crate::KernelError> {
            self.engine.arch = set.arch().ok_or(crate::KernelError::Lacking(set))?;
            Ok(self)
        }

        /// Number of threads that work.
        pub fn threads(&self) -> usize {
            self.engine.team.threads()
        }

        /// Number of parameters.
        pub fn parameters(&self) -> usize {
            self.engine.layers.parameters()
        }

        /// Copies a part of all parameters, in flat order.
        ///
        /// # Errors
        ///
        /// Refuses a slice that is longer or shorter.
        pub fn read(&self, part: crate::Part, to: &mut [f32]) -> Result<(), crate::KernelError> {
            self.engine.layers.read(part, to)
        }

        /// Sets a part of all parameters, in flat order.
        ///
        /// # Errors
        ///
        /// Refuses a slice that is longer or shorter.
        pub fn write(&mut self, part: crate::Part, from: &[f32]) -> Result<(), crate::KernelError> {
            self.engine.layers.write(part, from)
        }

        /// Number of updates so far, which Adam's bias correction needs.
        pub fn updates(&self) -> u64 {
            self.engine.updates
        }

        /// Sets the number of updates, as when a run goes on.
        pub fn set_updates(&mut self, updates: u64) {
            self.engine.updates = updates;
        }

        /// Bytes of the parameters, of what the optimizer remembers, and of the work memory.
        pub fn memory(&self) -> usize {
            let memory_of =
                |scratch: &[Scratch]| -> usize { scratch.iter().map(Scratch::memory).sum() };
            let blocks: usize = self.blocks.iter().map(Block::memory).sum();
            let scratch = self.scratch.iter().map(crate::sync::lock);
            let scratch: usize = scratch.map(|own| memory_of(&own)).sum();
            self.engine.layers.memory() + blocks + scratch
        }

        /// ‖∇J‖ of the gradients that are kept inside.
        pub fn gradient_norm(&self) -> f64 {
            self.engine.gradient_norm()
        }

        /// Whether all parameters are finite numbers. A step whose update overflows leaves others.
        pub fn parameters_are_finite(&self) -> bool {
            self.engine.parameters_are_finite()
        }

        /// One update of the parameters by the gradients that are kept inside.
        ///
        /// # Errors
        ///
        /// Refuses a gradient or parameters that are not finite, and does nothing then.
        pub fn update(&mut self, update: crate::Update) -> Result<(), crate::KernelError> {
            self.engine.update(update)
        }

        /// Whether the last update shortened its gradient.
        pub fn clipped(&self) -> bool {
            self.engine.clipped
        }
    };
}

pub(crate) use common_methods;
