use anyhow::Result;
use atelier_kernels::Tier;
use burn::tensor::Device;
use clap::ValueEnum;

/// Where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum DeviceChoice {
    /// The graphics card, through wgpu; Vulkan's software driver where there is no other.
    #[default]
    Gpu,
    /// burn's CPU backend.
    Cpu,
}

impl DeviceChoice {
    pub fn open(self) -> Result<Device> {
        match self {
            Self::Cpu => Ok(Device::flex()),
            Self::Gpu => {
                let (device, setup) = Device::wgpu_options().tasks_max(64).init_with_setup()?;
                Tier::of(&setup.adapter.get_info(), setup.device.features()).choose();
                Ok(device)
            }
        }
    }
}
